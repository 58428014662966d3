import ArgumentParser
import SmartVM

/// `smartvm port`.
struct PortCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "port",
        abstract: "Print the ports of this host that lead to a VM which runs.",
        discussion: """
            EXAMPLES:
              smartvm run -d --name web --publish 8080:80
              smartvm port web
              smartvm port web 80/tcp
            """)

    @OptionGroup var vm: SandboxArgument

    @Argument(help: ArgumentHelp("Only what leads to this port of the guest.", valueName: "port[/tcp|/udp]"))
    var port: String?

    @Option(help: "How to print them.")
    var format = OutputFormat.table

    /// What is printed of a port.
    private struct Entry: Encodable {
        var hostAddress: String
        var hostPort: Int
        var guestPort: Int
        var transport: PublishedPort.Transport
    }

    func run() async throws {
        try await vm.withSandbox { sandbox in
            let info = try await sandbox.info
            let wanted = try port.map(Self.guestPort)
            let ports = info.ports.filter {
                wanted == nil || $0.guestPort == wanted?.number && $0.transport == wanted?.transport
            }
            if let port, ports.isEmpty {
                throw SmartVMError(
                    .invalidState, "No port of this host leads to port \(port) of VM \(info.name).",
                    cure: info.state.isActive
                        ? "See those that do: smartvm port \(info.name)" : "Start it: smartvm start \(info.name)")
            }
            switch format {
            case .json:
                print(
                    try JSONText.of(
                        ports.map {
                            Entry(
                                hostAddress: $0.hostAddress, hostPort: $0.hostPort, guestPort: $0.guestPort,
                                transport: $0.transport)
                        }))
            case .table:
                for published in ports {
                    print(
                        port == nil
                            ? "\(published.guestPort)/\(published.transport.rawValue) -> \(published.hostText)"
                            : published.hostText)
                }
            }
        }
    }

    private static func guestPort(_ text: String) throws -> (number: Int, transport: PublishedPort.Transport) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(parts.count), let number = Int(parts[0]), (1...65535).contains(number),
            let transport = parts.count == 1 ? .tcp : PublishedPort.Transport(rawValue: parts[1])
        else { throw ValidationError("'\(text)' is no port of a guest: write 80, 80/tcp or 53/udp.") }
        return (number, transport)
    }
}
