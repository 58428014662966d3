import ArgumentParser
import FoundationEssentials
import SmartVM

/// `smartvm ps`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List the VMs that run, or all of them.",
        discussion: """
            EXAMPLES:
              smartvm ps -a
              smartvm ps --quiet
            """, aliases: ["ls", "list"])

    @Flag(name: .shortAndLong, help: "Those that do not run, too.")
    var all = false

    @Flag(name: .shortAndLong, help: "Only the ids.")
    var quiet = false

    @Option(help: "How to print them.")
    var format = OutputFormat.table

    func run() async throws {
        let infos = try await SmartVM().sandboxes.list(all: all) { StandardError.print("smartvm: \($0)") }
        if quiet {
            for info in infos { print(info.id) }
            return
        }
        switch format {
        case .json: print(try JSONText.of(infos))
        case .table:
            var table = TextTable(["ID", "NAME", "IMAGE", "COMMAND", "STATUS"])
            let now = Date().timeIntervalSince1970
            for info in infos {
                table.add([
                    info.id, info.name.shortened(to: 20), info.image.shortened(to: 10),
                    info.command.printable.shortened(to: 12),
                    info.summary(at: now).shortened(to: 24),
                ])
            }
            print(table.text)
        }
    }
}

extension SandboxInfo {
    /// Its state as a person reads it.
    func summary(at now: Double) -> String {
        switch state {
        case .running: "running \(Self.age(startedAt, now))"
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

extension String {
    /// Itself, or its beginning and an ellipsis.
    func shortened(to length: Int) -> String {
        count <= length ? self : prefix(length - 1) + "…"
    }
}

extension String {
    /// Without what a terminal would obey.
    fileprivate var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
    }
}
