internal import Glibc
internal import Linux

/// Finds the program of a command as a shell does, and says why it could not be executed.
enum ProgramLookup {
    static let defaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The program's path: a name with a slash is one (relative to `workingDirectory`), any other is looked for.
    static func path(
        of name: String, searchPath: String, workingDirectory: String
    ) throws(CommandFailure) -> String {
        if name.utf8.contains(UInt8(ascii: "/")) { return absolute(name, workingDirectory) }
        if name.isEmpty { throw .notFound("''") }
        var denied: String?
        for directory in searchPath.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            // An empty entry is the working directory.
            let candidate = absolute(
                directory.isEmpty ? name : String(Substring(directory)) + "/" + name, workingDirectory)
            guard let attributes = try? FileTree.attributes(of: candidate), !attributes.isDirectory else { continue }
            if attributes.isRegular, attributes.hasExecuteBit { return candidate }
            if denied == nil { denied = candidate }
        }
        if let denied { throw explanation(of: .permissionDenied, path: denied, name: denied) }
        throw .notFound(name)
    }

    private static func absolute(_ path: String, _ workingDirectory: String) -> String {
        path.utf8.first == UInt8(ascii: "/") ? path : workingDirectory + "/" + path
    }

    /// What it means that execve(2) failed.
    ///
    /// - Parameter name: The program as it was asked for.
    static func explanation(of error: Errno, path: String, name: String) -> CommandFailure {
        switch error {
        case .noSuchFile, .notDirectory:
            guard FileTree.exists(path) else {
                return CommandFailure(127, name + ": no such file or directory")
            }
            switch header(of: path) {
            case .script(let interpreter):
                return CommandFailure(127, "\(name): its interpreter \(interpreter) does not exist in this guest")
            case .elf(_, .some(let loader)):
                return CommandFailure(
                    127,
                    "\(name): its loader \(loader) does not exist in this guest; install the C library that it was built for"
                )
            default:
                return CommandFailure(127, name + ": no such file or directory")
            }
        case .permissionDenied:
            guard let attributes = try? FileTree.attributes(of: path) else {
                return CommandFailure(126, name + ": permission denied")
            }
            if attributes.isDirectory { return CommandFailure(126, name + ": is a directory") }
            if !attributes.hasExecuteBit {
                return CommandFailure(126, "\(name): permission denied: not executable; chmod +x \(path) in the image")
            }
            return CommandFailure(126, name + ": permission denied for this user")
        case .notExecutable:
            return CommandFailure(126, name + ": " + formatProblem(path))
        case .argumentListTooLong:
            return CommandFailure(
                126, name + ": argument list too long: arguments and environment exceed the kernel's limit")
        default:
            return CommandFailure(126, "\(name): \(error)")
        }
    }

    private static func formatProblem(_ path: String) -> String {
        switch header(of: path) {
        case .elf(let machine, _):
            let program = ProgramHeader.name(ofMachine: machine)
            let guest = Machine.architecture
            if program == guest { return "exec format error: the program is damaged" }
            return "exec format error: the program is for \(program), this guest is \(guest)"
        case .script, .unknown:
            return "exec format error: neither an ELF program nor a script that begins with #!"
        }
    }

    private static func header(of path: String) -> ProgramHeader {
        guard let file = try? Descriptor.open(path, O_RDONLY) else { return .unknown }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = (try? readOnce(file, &bytes)) ?? 0
        return ProgramHeader(Array(bytes[..<count]))
    }

    private static func readOnce(_ file: borrowing Descriptor, _ bytes: inout [UInt8]) throws(Errno) -> Int {
        let value = file.rawValue
        return try systemCall { bytes.withUnsafeMutableBytes { read(value, $0.baseAddress, $0.count) } }
    }
}
