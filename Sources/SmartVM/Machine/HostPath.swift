internal import FoundationEssentials

/// Paths of this host, as a VMM needs them.
enum HostPath {
    /// The VMM works in a directory of its own, so it is given no relative path.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }
}
