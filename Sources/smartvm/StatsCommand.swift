import ArgumentParser
import Glibc
import SmartVM

/// `smartvm stats`.
struct StatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show what VMs use, anew each second.",
        discussion: """
            CPU is that of the host, in percent of one CPU, and HOST MEM the host's memory for VMM and supervisor. MEMORY and PROCS are \
            the guest's own figures: dashes if its agent does not say them. NET is as the guest sees it; DISK is what was read from and \
            written to the host's disks.

            EXAMPLES:
              smartvm run -d --name web
              smartvm stats --no-stream
              smartvm stats --no-stream --format json web
            """)

    @Argument(
        help: ArgumentHelp("The VMs. Default: those that run.", valueName: "vm"), completion: .sandboxes)
    var names: [String] = []

    @Flag(name: .shortAndLong, help: "Those that do not run, too.")
    var all = false

    @Flag(help: "Show it once.")
    var noStream = false

    @Flag(help: "Shorten nothing.")
    var noTrunc = false

    @Option(help: "How to print it; json is an array, in a stream one on each line.")
    var format = OutputFormat.table

    /// A share of the CPU needs two looks.
    private static let firstInterval = Duration.milliseconds(500)
    private static let interval = Duration.seconds(1)

    func run() async throws {
        let sandboxes = try SmartVM().sandboxes
        var ids: [String] = []
        for name in names {
            ids.append(try await SandboxArgument(name: name).withSandbox { $0.id })
        }
        var earlier: [String: SandboxUsage] = [:]
        var drawn = 0
        var isFirst = true
        while true {
            let infos = try await sandboxes.list(all: true)
            let chosen =
                names.isEmpty
                ? infos.filter { all || $0.state.isActive } : ids.compactMap { id in infos.first { $0.id == id } }
            let now = await sandboxes.usage(of: chosen)
            if !isFirst {
                try show(now.map { usage in earlier[usage.id].map { usage.since($0) } ?? usage }, &drawn)
                if noStream || (!names.isEmpty && chosen.isEmpty) { return }
            }
            earlier = Dictionary(now.map { ($0.id, $0) }) { $1 }
            try await Task.sleep(for: isFirst ? Self.firstInterval : Self.interval)
            isFirst = false
        }
    }

    /// - Parameter drawn: How many lines of the terminal are to be drawn over.
    private func show(_ usage: [SandboxUsage], _ drawn: inout Int) throws {
        var output: String
        switch format {
        case .json: output = (noStream ? try JSONText.of(usage) : try JSONText.line(of: usage)) + "\n"
        case .table:
            var lines = Self.table(usage).lines(width: noTrunc ? nil : TerminalSize.columns)
            if noStream {
                output = lines.joined(separator: "\n") + "\n"
            } else if let rows = TerminalSize.rows {
                // What has scrolled away could not be drawn over.
                if lines.count >= rows {
                    let hidden = lines.count - max(1, rows - 2)
                    lines = lines.prefix(max(1, rows - 2)) + ["… and \(hidden) more: smartvm stats --no-stream"]
                }
                output = (drawn > 0 ? "\u{1b}[\(drawn)A\u{1b}[J" : "") + lines.joined(separator: "\n") + "\n"
                drawn = lines.count
            } else {
                output = lines.joined(separator: "\n") + "\n\n"
            }
        }
        print(output, terminator: "")
        guard fflush(nil) == 0 else { throw ExitCode.failure }
    }

    static func table(_ usage: [SandboxUsage]) -> TextTable {
        var table = TextTable([
            .init("NAME", minimum: 8), "CPU %", "MEMORY", "HOST MEM", .init("NET IN/OUT", isOptional: true),
            .init("DISK R/W", isOptional: true), .init("PROCS", isOptional: true),
        ])
        for row in usage { table.add(cells(row)) }
        return table
    }

    private static func cells(_ usage: SandboxUsage) -> [String] {
        let pair = { (first: Int64, second: Int64) in "\(ByteSize(first).short)/\(ByteSize(second).short)" }
        return [
            usage.name, usage.cpuPercent.map(percent) ?? "-",
            usage.guest.map { pair($0.memoryUsedBytes, $0.memoryTotalBytes) } ?? "-",
            usage.host.map { ByteSize($0.memoryBytes).short } ?? "-",
            usage.network.map { pair($0.receivedBytes, $0.sentBytes) } ?? "-",
            usage.host.map { pair($0.readBytes, $0.writtenBytes) } ?? "-",
            usage.guest.map { "\($0.processes)" } ?? "-",
        ]
    }

    private static func percent(_ value: Double) -> String {
        let tenths = Int((min(value, 1e6) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
