internal import Linux

/// What a jail holds on the host, as it stands in its VM's runtime directory from before it is made until it is gone.
///
/// One line each: the jail's directory, then those of its control groups.
struct JailRecord: Hashable, Sendable {
    var directory: String
    var cgroups: [String]

    private static let name = "jail"

    func write(in runtimeDirectory: String) throws(Errno) {
        let lines = ([directory] + cgroups).map { "\($0)\n" }.joined()
        try File.replace("\(runtimeDirectory)/\(Self.name)", with: Array(lines.utf8))
    }

    init(directory: String, cgroups: [String]) {
        self.directory = directory
        self.cgroups = cgroups
    }

    init?(in runtimeDirectory: String) {
        guard let text = try? File.readText("\(runtimeDirectory)/\(Self.name)") else { return nil }
        let lines = text.split(separator: "\n").map(String.init)
        guard let first = lines.first, first.hasPrefix("/"), text.hasSuffix("\n") else { return nil }
        self.init(directory: first, cgroups: Array(lines.dropFirst()))
    }

    /// Removes all of it. The VMM has ended. Blocks the thread.
    ///
    /// - Returns: Whether nothing is left.
    @discardableResult
    func remove() -> Bool {
        for mountPoint in MountPoints.below(directory) { try? Mount.unmount(mountPoint, lazily: true) }
        // A file that is still mounted in the jail is the user's own: only what is of the jail's own file system goes.
        if let jail = try? FileTree.openDirectory(directory) { FileTree.removeContents(of: jail) }
        try? FileTree.removeDirectory(directory)
        for cgroup in cgroups { try? FileTree.removeDirectory(cgroup) }
        return !FileTree.exists(directory)
    }
}

/// What is mounted where in the namespace of this process.
enum MountPoints {
    /// Those at or below a directory, the innermost and latest first.
    static func below(_ directory: String) -> [String] {
        below(directory, mountInfo: (try? File.readText("/proc/self/mountinfo")) ?? "")
    }

    /// - Parameter mountInfo: As /proc/self/mountinfo has it, where blanks in paths are octal escapes.
    static func below(_ directory: String, mountInfo: String) -> [String] {
        mountInfo.split(separator: "\n").compactMap { line -> String? in
            let fields = line.split(separator: " ")
            guard fields.count > 4 else { return nil }
            let path = unescaped(fields[4])
            return path == directory || path.hasPrefix(directory + "/") ? path : nil
        }.reversed()
    }

    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\"), rest.count > 3,
                let value = UInt8(String(decoding: rest.dropFirst().prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(4)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
