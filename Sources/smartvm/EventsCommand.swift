import ArgumentParser
import FoundationEssentials
import Glibc
import SmartVM

/// `smartvm events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what happens to VMs, until it is interrupted.",
        discussion: """
            Times: 2026-11-21T10:46:00Z, also with another offset or without seconds' fractions; seconds since 1970; 10m for ten minutes \
            ago. Without --since it begins now. With --until it ends then. The newest 10,000 events are kept.

            Filters: vm=NAME or the beginning of an id, event=ACTION. Actions: create, start, pause, unpause, stop, kill, die, \
            health_status, update, rename, remove.

            EXAMPLES:
              smartvm events --since 1h --until 0s
              smartvm events --since 10m --until 0s --filter event=die --format json
            """)

    @Option(help: ArgumentHelp("What has happened since then, too.", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Go on until then, and not for ever.", valueName: "time"))
    var until: String?

    @Option(
        name: .shortAndLong, parsing: .singleValue,
        help: ArgumentHelp("Only events of which this holds: vm=web, event=die.", valueName: "key=value"))
    var filter: [EventFilter] = []

    @Flag(help: "Shorten nothing.")
    var noTrunc = false

    @Option(help: "How to print them; json is one object on each line.")
    var format = OutputFormat.table

    private static let widths = (time: 20, name: 16, action: 13)

    func run() async throws {
        if format == .table {
            print(Self.line("TIME", "VM", "ACTION", "ATTRIBUTES"))
            guard fflush(nil) == 0 else { throw ExitCode.failure }
        }
        // Cut only where a person looks: a program may want all of it.
        let width = noTrunc || TerminalSize.rows == nil ? Int.max : TerminalSize.columns
        try await SmartVM().sandboxes.events(since: since, until: until) { events in
            for event in events where EventFilter.hold(filter, event) {
                switch format {
                case .json: print(try JSONText.line(of: event))
                case .table: print(Self.line(event, isCut: width < .max).shortened(to: width))
                }
            }
            guard fflush(nil) == 0 else { throw ExitCode.failure }
        }
    }

    private static func line(_ event: SandboxEvent, isCut: Bool) -> String {
        let attributes = event.attributes.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.printable)" }.joined(separator: " ")
        // Without decimals, which JSON has.
        return line(
            String(event.time.prefix(19)) + "Z", isCut ? event.name.shortened(to: widths.name) : event.name,
            event.action, attributes)
    }

    private static func line(_ time: String, _ name: String, _ action: String, _ attributes: String) -> String {
        let pad = { (text: String, width: Int) in text + String(repeating: " ", count: max(0, width - text.count)) }
        return
            "\(pad(time, widths.time))  \(pad(name, widths.name))  \(pad(action, widths.action))  \(attributes)"
    }
}

/// A condition on events, as docker writes it.
struct EventFilter: ExpressibleByArgument, Equatable {
    enum Key: String {
        case vm, event
    }

    var key: Key
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { return nil }
        switch parts[0] {
        // Docker's word for a VM is another one.
        case "vm", "container": key = .vm
        case "event", "action": key = .event
        default: return nil
        }
        value = String(parts[1])
    }

    /// Of several for the same thing one must hold, of those for different things each.
    static func hold(_ filters: [EventFilter], _ event: SandboxEvent) -> Bool {
        [Key.vm, .event].allSatisfy { key in
            let own = filters.filter { $0.key == key }
            return own.isEmpty
                || own.contains { filter in
                    key == .vm
                        ? event.name == filter.value || event.id.hasPrefix(filter.value)
                        : event.action == filter.value
                }
        }
    }
}
