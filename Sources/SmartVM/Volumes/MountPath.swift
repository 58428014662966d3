internal import FirecrackerClient

/// Where a guest mounts something: an absolute path in it, in one form.
enum MountPath {
    /// What the guest's own system lives in.
    private static let reserved = ["/proc", "/sys", "/dev"]

    /// The path without doubled slashes, dots and a slash at its end.
    ///
    /// - Parameter what: What is to be mounted there, for messages.
    /// - Throws: `INVALID_CONFIG`.
    static func checked(_ path: String, _ what: String) throws(SmartVMError) -> String {
        func mountRefusal(_ why: String) -> SmartVMError {
            SmartVMError(
                .invalidConfiguration, "\(what) cannot be mounted at '\(path)': \(why).",
                cure: "Give a directory of the guest: an absolute path, such as /data.")
        }
        guard path.hasPrefix("/") else { throw mountRefusal("that is no absolute path") }
        guard !path.utf8.contains(0), path.utf8.count < 4096 else { throw mountRefusal("that is no path") }
        let components = path.split(separator: "/").filter { $0 != "." }
        guard !components.contains("..") else { throw mountRefusal("it leads upwards") }
        guard !components.isEmpty else { throw mountRefusal("the guest's root is there") }
        guard components.allSatisfy({ $0.utf8.count <= 255 }) else { throw mountRefusal("a name in it is too long") }
        let normal = "/" + components.joined(separator: "/")
        if let place = reserved.first(where: { normal == $0 || normal.hasPrefix("\($0)/") }) {
            throw mountRefusal("\(place) is the guest's own")
        }
        return normal
    }
}
