import ArgumentParser
import SmartVM

/// `smartvm volume ls`.
struct VolumeListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the volumes.",
        discussion: """
            EXAMPLES:
              smartvm volume ls
              smartvm volume ls --quiet
            """, aliases: ["list"])

    @Flag(name: .shortAndLong, help: "Only the names.")
    var quiet = false

    @Option(help: "How to print them.")
    var format = OutputFormat.table

    func run() async throws {
        let volumes = try await SmartVM().sandboxes.volumes()
        if quiet {
            for volume in volumes { print(volume.name) }
            return
        }
        switch format {
        case .json: print(try JSONText.of(volumes))
        case .table:
            var table = TextTable(["NAME", "SIZE", "ON DISK", "CREATED", "USED BY"])
            for volume in volumes {
                table.add([
                    volume.name.shortened(to: 24), "\(ByteSize(volume.size))", "\(ByteSize(volume.allocated))",
                    String(volume.createdAt.prefix(10)), volume.usedBy.joined(separator: ", ").shortened(to: 20),
                ])
            }
            print(table.text)
        }
    }
}
