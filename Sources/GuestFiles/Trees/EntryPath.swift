/// Where in a tree a member of an archive belongs: names that lead down from its top, and nowhere else.
struct EntryPath: Hashable, Sendable {
    /// Empty: the top itself.
    var components: [[UInt8]]

    /// The longest name and path that Linux takes, without the closing NUL.
    private static let maximumName = 255
    private static let maximumPath = 4095

    init(_ components: [[UInt8]]) {
        self.components = components
    }

    /// A name as an archive has it.
    ///
    /// - Throws: `refused` if it is absolute, leads upwards, or is none that a file can have.
    init(validating name: [UInt8]) throws(TransferError) {
        guard !name.isEmpty else { throw .refused(path: name, reason: "the archive has a member without a name") }
        guard name.first != UInt8(ascii: "/") else {
            throw .refused(path: name, reason: "the archive has an absolute name")
        }
        guard !name.contains(0) else { throw .refused(path: name, reason: "the archive has a name with a NUL") }
        guard name.count <= Self.maximumPath else {
            throw .refused(path: Array(name.prefix(80)), reason: "the archive has a name that is too long")
        }
        components = name.split(separator: UInt8(ascii: "/")).map { Array($0) }.filter { $0 != [UInt8(ascii: ".")] }
        guard !components.contains(Array("..".utf8)) else {
            throw .refused(path: name, reason: "the archive has a name that leads upwards")
        }
        guard components.allSatisfy({ $0.count <= Self.maximumName }) else {
            throw .refused(path: Array(name.prefix(80)), reason: "the archive has a name that is too long")
        }
    }

    var parent: EntryPath { EntryPath(components.dropLast()) }

    /// As a path relative to the top.
    var bytes: [UInt8] {
        components.isEmpty ? [UInt8(ascii: ".")] : Array(components.joined(separator: [UInt8(ascii: "/")]))
    }

    func isAtOrBelow(_ other: EntryPath) -> Bool {
        components.starts(with: other.components)
    }
}
