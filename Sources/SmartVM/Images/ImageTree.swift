internal import Linux

/// A tree of files in the making, which will be packed into an image: modes are exact, whatever the umask of whoever makes it.
struct ImageTree: Sendable {
    /// The directory that becomes `/`.
    let root: String

    init(root: String) throws(Errno) {
        self.root = root
        try directory("", mode: 0o755)
    }

    /// Makes a directory and those above it that are missing, which get mode 0755.
    func directory(_ path: String, mode: UInt32 = 0o755) throws(Errno) {
        var above = ""
        for part in path.split(separator: "/").dropLast() {
            above += "/\(part)"
            if !File.exists(root + above) { try make(root + above, 0o755) }
        }
        try make("\(root)/\(path)", mode)
    }

    func file(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(Errno) {
        if let slash = path.lastIndex(of: "/"), !File.exists("\(root)/\(path[..<slash])") {
            try directory(String(path[..<slash]))
        }
        try File.write(bytes, to: "\(root)/\(path)", mode: mode)
        try FileTree.setMode("\(root)/\(path)", mode)
    }

    private func make(_ path: String, _ mode: UInt32) throws(Errno) {
        try FileTree.makeDirectory(path, mode: mode)
        try FileTree.setMode(path, mode)
    }
}
