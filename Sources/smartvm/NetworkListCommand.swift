import ArgumentParser
import SmartVM

/// `smartvm network ls`.
struct NetworkListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the networks.",
        discussion: """
            EXAMPLES:
              smartvm network ls
              smartvm network ls --format json
            """, aliases: ["list"])

    @Flag(name: .shortAndLong, help: "Only the names.")
    var quiet = false

    @Option(help: "How to print them.")
    var format = OutputFormat.table

    func run() async throws {
        let networks = try await SmartVM().sandboxes.listNetworks()
        if quiet {
            for network in networks { print(network.name) }
            return
        }
        switch format {
        case .json: print(try JSONText.of(networks))
        case .table:
            var table = TextTable(["NAME", "SUBNET", "BRIDGE", "RUNNING", "ISOLATED"])
            for network in networks {
                table.add([
                    network.name.shortened(to: 30), network.subnet, network.bridge, "\(network.members.count)",
                    network.isolatesGuests ? "yes" : "no",
                ])
            }
            print(table.text)
        }
    }
}
