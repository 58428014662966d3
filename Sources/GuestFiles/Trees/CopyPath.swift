/// A path as a person gives it to a copy, and what its end means.
///
/// As with cp(1) and `docker cp`: `dir` is the directory under its name, `dir/.` what is in it.
public struct CopyPath: Hashable, Sendable {
    /// As it was given.
    public let bytes: [UInt8]

    /// Nothing is checked: the kernel says what is no path.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// What the copy is called: the last component, or `.` if that is no name.
    public var name: [UInt8] {
        let last = Array(bytes.split(separator: UInt8(ascii: "/")).last ?? [])
        return last.isEmpty || last == Array("..".utf8) ? Array(".".utf8) : last
    }

    var hasName: Bool { name != Array(".".utf8) }

    /// Whether only a directory can be meant.
    var meansDirectory: Bool { bytes.last == UInt8(ascii: "/") || !hasName }

    /// The path of the directory that the last component is in.
    var parent: [UInt8] {
        var rest = bytes[...]
        while rest.last == UInt8(ascii: "/") { rest.removeLast() }
        while let last = rest.last, last != UInt8(ascii: "/") { rest.removeLast() }
        return rest.isEmpty ? Array(".".utf8) : Array(rest)
    }
}
