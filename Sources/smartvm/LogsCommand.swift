import ArgumentParser
import SmartVM

/// `smartvm logs`.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what a VM's command has printed, or its guest's console.",
        discussion: """
            What was printed on standard error comes there again.

            EXAMPLES:
              smartvm run -d --name job -- echo hello
              smartvm logs job
              smartvm logs --console --tail 5 job
            """)

    @OptionGroup var vm: SandboxArgument

    @Flag(name: .shortAndLong, help: "Go on until the VM does not run any more.")
    var follow = false

    @Flag(name: .shortAndLong, help: "Print the time before each line.")
    var timestamps = false

    @Option(
        help: ArgumentHelp(
            "Only what was printed since then: 2026-11-21T10:46:00Z, 1795257960, or 10m ago.", valueName: "time"))
    var since: String?

    @Option(
        name: [.customShort("n"), .long], help: ArgumentHelp("Only so many of the last lines.", valueName: "number"))
    var tail: Int?

    @Flag(help: "The serial console, with what the VMM says, in place of the command's output.")
    var console = false

    func validate() throws {
        if let tail, tail < 0 { throw ValidationError("--tail is a number of lines, from 0: not \(tail).") }
        if console, since != nil || timestamps {
            throw ValidationError("The console's lines have no times: leave out --since and --timestamps.")
        }
    }

    func run() async throws {
        try await vm.withSandbox { sandbox in
            guard console else {
                return try await Self.print(
                    sandbox, since: since, tail: tail, follow: follow, timestamps: timestamps)
            }
            let standardOutput = OutputStream(descriptor: 1)
            try await sandbox.consoleLog(tail: tail, follow: follow) { bytes in
                try await Self.write(bytes, to: standardOutput)
            }
        }
    }

    /// Prints what the command prints, each stream on its own.
    static func print(
        _ sandbox: Sandbox, since: String? = nil, tail: Int? = nil, follow: Bool, timestamps: Bool = false
    ) async throws {
        let standardOutput = OutputStream(descriptor: 1)
        let standardError = OutputStream(descriptor: 2)
        try await sandbox.logs(since: since, tail: tail, follow: follow) { entries in
            // Neighbours of one stream go out at once.
            var bytes: [UInt8] = []
            var isError = false
            for entry in entries {
                if entry.isStandardError != isError {
                    try await write(bytes, to: isError ? standardError : standardOutput)
                    bytes = []
                    isError = entry.isStandardError
                }
                if timestamps { bytes += "\(entry.time) ".utf8 }
                bytes += entry.bytes
            }
            try await write(bytes, to: isError ? standardError : standardOutput)
        }
    }

    /// Whoever has read enough goes away, and that is no failure.
    private static func write(_ bytes: [UInt8], to stream: OutputStream) async throws {
        if bytes.isEmpty { return }
        if await stream.write(bytes) != 0 { throw ExitCode.failure }
    }
}
