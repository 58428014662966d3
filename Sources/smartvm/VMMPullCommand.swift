import ArgumentParser
import SmartVM

/// `smartvm vmm pull`.
struct VMMPullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch a release of Firecracker: firecracker and jailer.",
        discussion: """
            It is compared with the SHA-256 that is published with it; one without is not installed.

            EXAMPLES:
              smartvm vmm pull
            """)

    @Argument(help: "The version, such as v1.16.1. Default: the newest that is published.")
    var version: String?

    @Flag(name: .shortAndLong, help: "Fetch it anew even if it is there.")
    var force = false

    @Flag(name: .shortAndLong, help: "Say nothing of the steps.")
    var quiet = false

    @Option(help: "How to print what was fetched: table (the path of firecracker), or json.")
    var format = OutputFormat.table

    func run() async throws {
        await SmartVMCommand.reclaimAbandoned()
        let directory = try DataDirectory()
        try directory.prepare()
        let quiet = quiet
        let reporter = ImageProgressReporter()
        defer { reporter.finish() }
        let release = try await ImageManager(directory).ensureVersion(
            version, force: force, progress: { if !quiet { reporter.report($0) } })
        reporter.finish()
        switch format {
        case .table: print(release.firecrackerPath)
        case .json: print(try JSONText.of(release))
        }
    }
}
