import ArgumentParser
import FoundationEssentials
import SmartVM

/// `smartvm ps`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List the VMs that run, or all of them.",
        discussion: """
            Filters: name=TEXT, id=PREFIX, image=NAME, status=STATE, health=STATUS. Of several for the same thing one must hold, of \
            those for different things each.

            EXAMPLES:
              smartvm ps -a
              smartvm ps --filter status=exited --filter name=web
              smartvm ps --quiet --latest
            """, aliases: ["ls", "list"])

    @Flag(name: .shortAndLong, help: "Those that do not run, too.")
    var all = false

    @Flag(name: .shortAndLong, help: "Only the ids.")
    var quiet = false

    @Option(
        name: .shortAndLong, parsing: .singleValue,
        help: ArgumentHelp("Only those of which this holds: name=web.", valueName: "key=value"))
    var filter: [ListFilter] = []

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("Only so many of those that were made last, whatever they do.", valueName: "number"))
    var last: Int?

    @Flag(name: .shortAndLong, help: "Only the one that was made last, whatever it does.")
    var latest = false

    @Flag(help: "Shorten nothing.")
    var noTrunc = false

    @Option(help: "How to print them.")
    var format = OutputFormat.table

    func validate() throws {
        if let last, last < 0 { throw ValidationError("--last is a number of VMs, from 0: not \(last).") }
    }

    func run() async throws {
        let limit = latest ? 1 : last
        let infos = ListFilter.apply(
            filter, to: try await SmartVM().sandboxes.list(all: true) { StandardError.print("smartvm: \($0)") },
            all: all || limit != nil, limit: limit)
        if quiet {
            for info in infos { print(info.id) }
            return
        }
        switch format {
        case .json: print(try JSONText.of(infos))
        case .table:
            let lines = Self.table(infos, at: Date().timeIntervalSince1970)
                .lines(width: noTrunc ? nil : TerminalSize.columns)
            print(lines.joined(separator: "\n"))
        }
    }

    static func table(_ infos: [SandboxInfo], at now: Double) -> TextTable {
        var columns: [TextTable.Column] = [
            "ID", .init("NAME", minimum: 8), .init("IMAGE", minimum: 7, isOptional: true),
            .init("COMMAND", minimum: 7, isOptional: true), "STATUS",
        ]
        let hasPorts = infos.contains { !$0.ports.isEmpty }
        if hasPorts { columns.append(.init("PORTS", minimum: 8, isOptional: true)) }
        var table = TextTable(columns)
        for info in infos {
            let cells = [info.id, info.name, info.image.printable, info.command.printable, info.summary(at: now)]
            table.add(cells + (hasPorts ? [info.ports.map(Self.text).joined(separator: ", ")] : []))
        }
        return table
    }

    /// `8080->80`; with the address if others than this host reach it.
    private static func text(_ port: PublishedPort) -> String {
        (port.hostAddress == "127.0.0.1" ? "" : "\(port.hostAddress):")
            + "\(port.hostPort)->\(port.guestPort)" + (port.transport == .udp ? "/udp" : "")
    }
}

/// A condition on the VMs of a list, as docker writes it.
struct ListFilter: ExpressibleByArgument, Equatable {
    enum Key: String, CaseIterable {
        case name, id, image, status, health
        /// Docker's name for the image.
        case ancestor
    }

    var key: Key
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let key = Key(rawValue: String(parts[0])) else { return nil }
        let value = String(parts[1])
        switch key {
        case .status: guard SandboxInfo.State(rawValue: value) != nil else { return nil }
        case .health: guard value == "none" || SandboxHealth.Status(rawValue: value) != nil else { return nil }
        case .name, .id, .image, .ancestor: break
        }
        self.key = key == .ancestor ? .image : key
        self.value = value
    }

    func holds(_ info: SandboxInfo) -> Bool {
        switch key {
        case .name: info.name.contains(value)
        case .id: info.id.hasPrefix(value)
        case .image, .ancestor: info.image == value
        case .status: info.state.rawValue == value
        case .health: (info.health?.status.rawValue ?? "none") == value
        }
    }

    /// - Parameters:
    ///   - infos: The newest first.
    ///   - all: Whether those that do not run are wanted; they are, too, if a state is asked for.
    static func apply(_ filters: [ListFilter], to infos: [SandboxInfo], all: Bool, limit: Int?) -> [SandboxInfo] {
        let all = all || filters.contains { $0.key == .status }
        let groups = Dictionary(grouping: filters) { $0.key }.values
        let chosen = infos.filter { info in
            (all || info.state.isActive) && groups.allSatisfy { $0.contains { $0.holds(info) } }
        }
        return limit.map { Array(chosen.prefix($0)) } ?? chosen
    }
}

extension SandboxInfo {
    /// Its state as a person reads it.
    func summary(at now: Double) -> String {
        switch state {
        case .running: "running \(Self.age(startedAt, now))" + (health.map { " (\($0.status.rawValue))" } ?? "")
        case .paused: "paused \(Self.age(startedAt, now))"
        case .exited: "exited (\(exitStatus ?? 0)) \(Self.age(finishedAt, now)) ago"
        case .created: "created \(Self.age(createdAt, now)) ago"
        default: state.rawValue
        }
    }

    private static func age(_ text: String?, _ now: Double) -> String {
        guard let text, let then = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text) else {
            return ""
        }
        let seconds = Int(max(0, now - then.timeIntervalSince1970))
        return switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
