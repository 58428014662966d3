internal import Glibc

/// Where QEMU is.
enum QEMUBinary {
    static let name = "qemu-system-x86_64"

    /// The program itself if a path is given, otherwise the first of that name in `searchPath`, as execvp(3) looks it up.
    static func locate(_ given: String?, searchPath: String?) throws(MachineFault) -> String {
        if let given, given.contains("/") {
            guard access(given, X_OK) == 0 else {
                throw MachineFault("\(given) is no program that can be run: see the option --qemu-binary.")
            }
            return given
        }
        let name = given ?? Self.name
        let folders = searchPath ?? "/usr/local/bin:/usr/bin:/bin"
        for folder in folders.split(separator: ":", omittingEmptySubsequences: false) {
            let path = folder.isEmpty ? "./\(name)" : "\(folder)/\(name)"
            if access(path, X_OK) == 0 { return path }
        }
        throw MachineFault(
            "\(name) was not found in \(folders): install it (on Debian: apt-get install qemu-system-x86), "
                + "or name it with the option --qemu-binary.")
    }
}
