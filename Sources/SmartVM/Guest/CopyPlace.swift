/// One side of a copy, as `docker cp` writes it: `web:/etc/motd` is a file of a VM, `-` a tar archive on a standard stream, and
/// anything else a file of this host. A file of this host whose name holds a colon needs a slash before that: `./a:b`.
public enum CopyPlace: Hashable, Sendable {
    /// A file or directory of this host.
    case host(String)
    /// A file or directory of a VM that runs.
    case guest(vm: String, path: String)
    /// A tar archive on standard input or standard output.
    case stream
}

extension CopyPlace: LosslessStringConvertible {
    /// - Returns: nil for what names no file: an empty text, or a VM without a path, or a path without a VM.
    public init?(_ text: String) {
        if text.isEmpty { return nil }
        if text == "-" {
            self = .stream
            return
        }
        let end = text.firstIndex { $0 == ":" || $0 == "/" }
        guard let end, text[end] == ":" else {
            self = .host(text)
            return
        }
        let path = text[text.index(after: end)...]
        guard end > text.startIndex, !path.isEmpty else { return nil }
        self = .guest(vm: String(text[..<end]), path: String(path))
    }

    /// As ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .host(let path): path
        case .guest(let vm, let path): "\(vm):\(path)"
        case .stream: "-"
        }
    }
}
