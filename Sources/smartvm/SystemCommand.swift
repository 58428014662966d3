import ArgumentParser
import SmartVM
import Synchronization

/// `smartvm system`.
struct SystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "Look after the data directory.",
        discussion: """
            EXAMPLES:
              smartvm system df
              smartvm system prune --force
            """,
        subcommands: [SystemUsageCommand.self, SystemPruneCommand.self, SystemReconcileCommand.self])
}

/// `smartvm system reconcile`.
struct SystemReconcileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Take back whatever killed processes have left, and say what was done.",
        discussion: """
            Every command does that for what it touches; this does it for everything.

            EXAMPLES:
              smartvm system reconcile
            """)

    @Option(help: "How to print it.")
    var format = OutputFormat.table

    func run() async throws {
        let problems = Mutex(0)
        let done = try await SmartVM().sandboxes.reconcile { error in
            problems.withLock { $0 += 1 }
            StandardError.print("smartvm: \(error)")
        }
        switch format {
        case .json: print(try JSONText.of(done))
        case .table: print(done.isEmpty ? "There was nothing to take back." : done.joined(separator: "\n"))
        }
        if problems.withLock({ $0 }) > 0 { throw ExitCode(SmartVMCommand.failureStatus) }
    }
}
