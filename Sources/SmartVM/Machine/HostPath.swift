internal import FoundationEssentials

/// Paths of this host, as a VMM needs them.
enum HostPath {
    /// The VMM works in a directory of its own, so it is given no relative path.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var rest = path[...]
        while rest.hasPrefix("./") { rest = rest.dropFirst(2).drop { $0 == "/" } }
        let directory = FileManager.default.currentDirectoryPath
        return rest.isEmpty || rest == "." ? directory : "\(directory == "/" ? "" : directory)/\(rest)"
    }
}
