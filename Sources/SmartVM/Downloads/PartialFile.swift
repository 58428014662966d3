internal import FoundationEssentials
internal import Linux

/// What has come of a download so far, under a name that is made of its address: whoever downloads the same later, after this
/// process was killed or the network broke, goes on where it ended.
///
/// Beside it stands a note of what the server called the content (`ETag` or `Last-Modified`), without which parts of two contents
/// could be put together. The note is written before the first byte of a content, and after the last one is emptied. It tells the boot
/// of the machine too: what a file holds after a crash of the whole machine is worth nothing without a digest to compare it with.
struct PartialFile: Sendable {
    /// Says what the content is.
    struct Note: Codable, Hashable, Sendable {
        var url: String
        /// A strong `ETag` or a `Last-Modified`, for `If-Range`.
        var validator: String?
        var bootID: String
    }

    let file: HashedFile
    let url: HTTPURL
    /// Whether bytes of an earlier process are in it.
    let isContinued: Bool

    private var notePath: String { "\(file.path).json" }
    private static let suffix = ".part"
    /// Seconds that a partial file is kept for somebody to continue it.
    private static let lifetime: Int64 = 7 * 86_400

    /// Opens the one for an address, and waits while somebody else works on it.
    ///
    /// - Parameters:
    ///   - directory: Made if it is missing.
    ///   - hasDigest: Whether the whole content will be compared with a digest.
    init(for url: HTTPURL, in directory: String, hasDigest: Bool) async throws {
        self.url = url
        let path = "\(directory)/\(Checksum.sha256(of: url.text.utf8).prefix(32))\(Self.suffix)"
        let file = try await Self.open(path, in: directory)
        self.file = file
        let note = try? JSONDecoder().decode(Note.self, from: Data(try File.read("\(path).json", limit: 1 << 16)))
        let isUsable =
            note.map { note in
                note.url == url.text && (hasDigest || note.validator != nil && note.bootID == Self.bootID)
            } ?? false
        isContinued = try await BlockingWork.run {
            if isUsable { try file.adopt() } else { try file.reset() }
            return file.size > 0
        }
    }

    private static func open(_ path: String, in directory: String) async throws -> HashedFile {
        while true {
            try FileTree.makeDirectories(directory, mode: 0o700)
            do throws(Errno) {
                let file = try HashedFile(path: path)
                try file.lock()
                // Whoever had it may have moved it to its place just now, or cleared the directory away.
                if file.isInPlace { return file }
            } catch {
                switch error {
                case .wouldBlock: try await Task.sleep(for: .milliseconds(100))
                case .noSuchFile: break
                default: throw error
                }
            }
            try Task.checkCancellation()
        }
    }

    private static var bootID: String { (try? ProcessIdentity.currentBootID()) ?? "" }

    /// What the server called the content, for `If-Range`.
    var validator: String? {
        let bytes = try? File.read(notePath, limit: 1 << 16)
        return bytes.flatMap { try? JSONDecoder().decode(Note.self, from: Data($0)).validator }
    }

    /// Empties the file for a content with this validator.
    func begin(validator: String?) throws {
        try file.reset()
        let note = Note(url: url.text, validator: validator, bootID: Self.bootID)
        try File.replace(notePath, with: Array(try JSONEncoder().encode(note)))
    }

    /// Moves the complete content to its place.
    func publish(to destination: String) throws(Errno) {
        try file.seal()
        try File.move(file.path, to: destination)
        try FileTree.removeAll(notePath)
    }

    /// Removes it. Nobody continues it.
    func discard() {
        try? FileTree.removeAll(notePath)
        try? FileTree.removeAll(file.path)
    }

    /// Removes those that nobody has continued for long, and the directory if it is empty then.
    static func removeAbandoned(in directory: String) {
        guard let names = try? FileTree.names(at: directory) else { return }
        let now = Int64(Date().timeIntervalSince1970)
        for name in names where name.hasSuffix(suffix) {
            let path = "\(directory)/\(name)"
            guard let status = try? FileStatus(of: path), now - status.modified / 1_000_000_000 > lifetime,
                let file = try? HashedFile(path: path), (try? file.lock()) != nil
            else { continue }
            try? FileTree.removeAll("\(path).json")
            try? FileTree.removeAll(path)
        }
        // A note without its file, which a kill between two removals has left.
        for name in names where name.hasSuffix("\(suffix).json") && !names.contains(String(name.dropLast(5))) {
            try? FileTree.removeAll("\(directory)/\(name)")
        }
        // Only an empty one goes.
        try? FileTree.removeEmptyDirectory(directory)
    }
}
