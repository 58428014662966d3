extension Arguments {
    /// In the order of the help text.
    static let options: [Option] = [
        Option(
            name: "api-sock", takesValue: true, defaultValue: "/run/firecracker.socket",
            help: "Path to unix domain socket used by the API."),
        Option(
            name: "boot-timer",
            help: "Whether or not to load boot timer device for logging elapsed time since InstanceStart command."),
        Option(
            name: "config-file", takesValue: true,
            help: "Path to a file that contains the microVM configuration in JSON format."),
        Option(
            name: "describe-snapshot", takesValue: true,
            help: "Print the data format version of the provided snapshot state file."),
        Option(name: "enable-pci", help: "Enables PCIe support."),
        Option(name: "help", help: "Show the help message."),
        Option(
            name: "http-api-max-payload-size", takesValue: true, defaultValue: "51200",
            help: "Http API request payload max size, in bytes."),
        Option(
            name: "id", takesValue: true, defaultValue: "anonymous-instance", help: "MicroVM unique identifier."),
        Option(name: "level", takesValue: true, help: "Set the logger level."),
        Option(
            name: "log-path", takesValue: true,
            help: "Path to a fifo or a file used for configuring the logger on startup."),
        Option(
            name: "metadata", takesValue: true,
            help: "Path to a file that contains metadata in JSON format to add to the mmds."),
        Option(
            name: "metrics-path", takesValue: true,
            help: "Path to a fifo or a file used for configuring the metrics on startup."),
        Option(name: "mmds-size-limit", takesValue: true, help: "Mmds data store limit, in bytes."),
        Option(name: "module", takesValue: true, help: "Set the logger module filter."),
        Option(
            name: "no-api", requirement: "config-file",
            help: "Optional parameter which allows starting and using a microVM without an active API socket."),
        Option(
            name: "no-seccomp", exclusion: "seccomp-filter",
            help:
                "Optional parameter which allows starting and using a microVM without seccomp filtering. Not recommended."
        ),
        Option(
            name: "parent-cpu-time-us", takesValue: true,
            help: "Parent process CPU time (wall clock, microseconds). This parameter is optional."),
        Option(
            name: "qemu-binary", takesValue: true, defaultValue: "qemu-system-x86_64",
            help: "The QEMU to run the guest in: a path, or a name to look up in PATH."),
        Option(
            name: "qemu-user", takesValue: true,
            help: "The user to run QEMU as, if this process is root's: a name, a uid, or uid:gid."),
        Option(
            name: "seccomp-filter", takesValue: true, exclusion: "no-seccomp",
            help: "Optional parameter which allows specifying the path to a custom seccomp filter. For advanced users."),
        Option(name: "show-level", help: "Whether or not to output the level in the logs."),
        Option(
            name: "show-log-origin",
            help: "Whether or not to include the file path and line number of the log's origin."),
        Option(name: "snapshot-version", help: "Print the supported data format version."),
        Option(
            name: "start-time-cpu-us", takesValue: true,
            help: "Process start CPU time (wall clock, microseconds). This parameter is optional."),
        Option(
            name: "start-time-us", takesValue: true,
            help: "Process start time (wall clock, microseconds). This parameter is optional."),
        Option(name: "version", help: "Print the binary version number."),
    ]

    static var helpText: String {
        let left = options.map { "  --\($0.name)" + ($0.takesValue ? " <\($0.name)>" : "") }
        let width = (left.map(\.utf8.count).max() ?? 0) + 3
        let lines = zip(options, left).map { option, left in
            let space = String(repeating: " ", count: width - left.utf8.count)
            let suffix = option.defaultValue.map { " [default: \"\($0)\"]" } ?? ""
            return left + space + option.help + suffix
        }
        return "optional arguments:\n" + lines.joined(separator: "\n")
    }
}
