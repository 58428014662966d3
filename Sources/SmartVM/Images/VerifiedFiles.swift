internal import Linux

/// What was seen when an image's files were last compared with their digests: a note beside them, by which a file that cannot have
/// changed since need not be read again.
///
/// The kernel sets a file's time of change at each write, whatever a program sets its other times to. So device, inode, size and time of
/// change together stand for the content; where one differs the file is read, and only that.
struct VerifiedFiles: Hashable, Sendable {
    /// By name: the digest and the identity.
    private var entries: [String: [String]] = [:]

    static let fileName = "verified"

    /// Files that have just been made with these digests.
    init(_ files: [(name: String, sha256: String)], in directory: String) throws(Errno) {
        for (name, sha256) in files { entries[name] = [sha256, try Self.identity("\(directory)/\(name)")] }
    }

    /// Reads the note in an image's directory; empty if there is none that can be read.
    init(in directory: String) {
        let text = (try? File.readText("\(directory)/\(Self.fileName)", limit: 1 << 16)) ?? ""
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ").map(String.init)
            if fields.count == 3 { entries[fields[2]] = Array(fields[..<2]) }
        }
    }

    func write(in directory: String) throws(Errno) {
        let lines = entries.sorted { $0.key < $1.key }.map { "\($0.value[0]) \($0.value[1]) \($0.key)\n" }
        try File.replace("\(directory)/\(Self.fileName)", with: Array(lines.joined().utf8))
    }

    /// Whether a file was seen with this digest and cannot have changed since.
    func has(_ name: String, sha256: String, in directory: String) -> Bool {
        entries[name] == [sha256, (try? Self.identity("\(directory)/\(name)")) ?? ""]
    }

    mutating func add(_ name: String, sha256: String, in directory: String) throws(Errno) {
        entries[name] = [sha256, try Self.identity("\(directory)/\(name)")]
    }

    private static func identity(_ path: String) throws(Errno) -> String {
        let status = try FileStatus(of: path)
        return "\(status.device)-\(status.inode)-\(status.size)-\(status.changed)"
    }
}
