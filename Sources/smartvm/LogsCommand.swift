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

    @Option(help: ArgumentHelp("Only what was printed since then: 2026-11-21T10:46:00Z.", valueName: "time"))
    var since: String?

    @Option(
        name: [.customShort("n"), .long], help: ArgumentHelp("Only so many of the last lines.", valueName: "number"))
    var tail: Int?

    @Flag(help: "The serial console, with what the VMM says, in place of the command's output.")
    var console = false

    func validate() throws {
        if let tail, tail < 0 { throw ValidationError("--tail is a number of lines, from 0: not \(tail).") }
    }

    func run() async throws {
        let standardOutput = OutputStream(descriptor: 1)
        let standardError = OutputStream(descriptor: 2)
        try await vm.withSandbox { sandbox in
            if console {
                var isFirst = true
                return try await sandbox.consoleLog(follow: follow) { bytes in
                    defer { isFirst = false }
                    try await write(isFirst ? lastLines(bytes) : bytes, to: standardOutput)
                }
            }
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
    }

    private func lastLines(_ bytes: [UInt8]) -> [UInt8] {
        guard let tail else { return bytes }
        let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        return Array(lines.suffix(tail + (bytes.last == 0x0a ? 1 : 0)).joined(separator: [0x0a]))
    }

    /// Whoever has read enough goes away, and that is no failure.
    private func write(_ bytes: [UInt8], to stream: OutputStream) async throws {
        if bytes.isEmpty { return }
        if await stream.write(bytes) != 0 { throw ExitCode.failure }
    }
}
