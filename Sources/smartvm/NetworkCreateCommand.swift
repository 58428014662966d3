import ArgumentParser
import SmartVM

/// `smartvm network create`.
struct NetworkCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a network; print its name.",
        discussion: """
            VMs of different networks do not reach each other. The network's bridge is made when its first VM starts, and goes with \
            the last.

            EXAMPLES:
              smartvm network create backend
              smartvm network create lab --subnet 10.213.0.0/24 --isolate
              smartvm run -d --name db --network backend
            """)

    @Argument(help: "Its name.")
    var name: String

    @Option(
        help: ArgumentHelp(
            "Its IPv4 network, whose first address is this host's. Default: a free one of 172.30.0.0/16.",
            valueName: "cidr"))
    var subnet: String?

    @Flag(help: "Keep its VMs from reaching each other.")
    var isolate = false

    func run() async throws {
        try await ExitStatus.told {
            let network = try await SmartVM().sandboxes.createNetwork(
                NetworkConfig(name: name, subnet: subnet, isolatesGuests: isolate))
            print(network.name)
        }
    }
}
