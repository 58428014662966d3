internal import FoundationEssentials
internal import Glibc
internal import Linux

/// What decides where things are found on this host: the process's variables, its user, and its own executable.
public struct HostEnvironment: Hashable, Sendable {
    /// The environment.
    public var variables: [String: String]
    /// The effective user.
    public var user: UInt32
    /// The running executable, if /proc says which it is.
    public var executable: String?

    /// Each parameter sets the property of its name, which says what it means.
    public init(variables: [String: String], user: UInt32, executable: String? = nil) {
        self.variables = variables
        self.user = user
        self.executable = executable
    }

    /// Those of this process, now.
    public static var current: HostEnvironment {
        HostEnvironment(
            variables: ProcessInfo.processInfo.environment, user: geteuid(),
            executable: try? File.linkTarget("/proc/self/exe"))
    }

    /// A variable's value; an empty one counts as none.
    public func value(_ name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The first executable of this name in the directories of `$PATH`, and then in those that a user's PATH often lacks.
    public func program(_ name: String) -> String? {
        let directories =
            (value("PATH") ?? "").split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        // A relative entry of PATH means another directory after each chdir.
        return directories.lazy.filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }.first(where: File.isExecutable)
    }

    /// A program that is installed together with this one: the one that `variable` names, else the one beside the running
    /// executable, else that in `../libexec/smartvm`, else on PATH.
    public func companion(_ name: String, variable: String) -> String? {
        if let chosen = value(variable) { return File.isExecutable(chosen) ? chosen : nil }
        if let executable, let slash = executable.lastIndex(of: "/") {
            let directory = executable[..<slash]
            for candidate in ["\(directory)/\(name)", "\(directory)/../libexec/smartvm/\(name)"]
            where File.isExecutable(candidate) {
                return candidate
            }
        }
        return program(name)
    }
}
