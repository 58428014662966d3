import ArgumentParser
import SmartVM

/// `smartvm system prune`.
struct SystemPruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove what nobody uses: VMs that do not run with their disks, and caches.",
        discussion: """
            A VM that was made within the last minute may be about to start, and stays.

            EXAMPLES:
              smartvm system prune --force
              smartvm system prune --all --volumes --force
            """)

    @Flag(name: .shortAndLong, help: "Images that no VM is made with and VMMs that no VM runs on, too.")
    var all = false

    @Flag(help: "Volumes that no VM is made with, too.")
    var volumes = false

    @OptionGroup var confirmation: Confirmation

    @Option(help: "How to print what was removed.")
    var format = OutputFormat.table

    func run() async throws {
        var things = ["all VMs that do not run, with their disks and logs", "parts of downloads and unpacked kernels"]
        if all { things.append("all images that no VM is made with, and all VMMs that no VM runs on") }
        if volumes { things.append("all volumes that no VM is made with, with what is in them") }
        let question = "This removes:\n" + things.map { "  - \($0)\n" }.joined()
        guard try confirmation.isGiven(for: question) else { return }
        let report = try await SmartVM().prune(PruneOptions(all: all, volumes: volumes))
        switch format {
        case .json: print(try JSONText.of(report))
        case .table:
            for item in report.removed { print("\(item.kind.rawValue): \(item.name) (\(ByteSize(item.allocated)))") }
            print("Freed: \(ByteSize(report.freed))")
        }
        for failure in report.failures { StandardError.print("smartvm: \(failure)") }
        if !report.failures.isEmpty { throw ExitCode.failure }
    }
}
