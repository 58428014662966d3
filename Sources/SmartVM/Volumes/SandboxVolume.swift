/// A file system that outlives a sandbox and is mounted in its guest: a volume of the data directory, or an image of the user's own.
///
/// Written by a running VM it is nobody else's; any number of VMs may read it at once.
public struct SandboxVolume: Hashable, Sendable, Codable {
    /// The name of a volume, which is made if there is none; or, with a slash in it, a file of this host that holds a file system which
    /// guests know (ext4, squashfs, erofs). A relative path is one in the directory in which the sandbox is made.
    public var source: String
    /// Where the guest mounts it: an absolute path, which is made in the guest if it is missing.
    public var path: String
    /// Default: false.
    public var isReadOnly: Bool

    /// Each parameter sets the property of its name.
    public init(source: String, path: String, isReadOnly: Bool = false) {
        self.source = source
        self.path = path
        self.isReadOnly = isReadOnly
    }

    /// Whether it is a file of the user's own.
    public var isFile: Bool { source.contains("/") }
}

extension SandboxVolume: LosslessStringConvertible {
    /// Reads `NAME:PATH`, `./FILE:PATH`, and either with `:ro` behind it.
    public init?(_ text: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var isReadOnly = false
        if parts.count > 2, let mode = parts.last, mode == "ro" || mode == "rw" {
            isReadOnly = mode == "ro"
            parts.removeLast()
        }
        guard parts.count > 1, let path = parts.popLast(), path.hasPrefix("/") else { return nil }
        let source = parts.joined(separator: ":")
        // A name holds no colon.
        guard !source.isEmpty, source.contains("/") || parts.count == 1 else { return nil }
        self.init(source: source, path: path, isReadOnly: isReadOnly)
    }

    /// As ``init(_:)`` reads it.
    public var description: String { "\(source):\(path)\(isReadOnly ? ":ro" : "")" }
}

/// A directory of this host that a guest gets a copy of: an image is made of it at each start, and what the guest writes there is gone
/// with the sandbox's life.
public struct SandboxCopyIn: Hashable, Sendable, Codable {
    /// A directory of this host. A relative path is one in the directory in which the sandbox is made.
    public var directory: String
    /// Where the guest mounts it: an absolute path, which is made in the guest if it is missing.
    public var path: String

    /// Each parameter sets the property of its name.
    public init(directory: String, path: String) {
        self.directory = directory
        self.path = path
    }
}

extension SandboxCopyIn: LosslessStringConvertible {
    /// Reads `DIR:PATH`.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), colon > text.startIndex else { return nil }
        let path = text[text.index(after: colon)...]
        guard path.hasPrefix("/") else { return nil }
        self.init(directory: String(text[..<colon]), path: String(path))
    }

    /// As ``init(_:)`` reads it.
    public var description: String { "\(directory):\(path)" }
}
