import ArgumentParser
import SmartVM

struct BenchNetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Measure what the networks of VMs cost on this machine.",
        discussion: """
            Makes and removes what one VM's network consists of: TAP, bridge port, address, MAC address, firewall element. No VM is \
            started. The first VM of a network pays for the bridge and its rules too.

            EXAMPLE:
              sudo unshare --net smartvm bench network --runs 100
            """)

    @Option(help: ArgumentHelp("How many VMs' networks there are at once.", valueName: "number"))
    var runs = 100

    @Option(help: "table, or json: one object, durations in milliseconds.")
    var format = OutputFormat.table

    func validate() throws {
        guard (1...200).contains(runs) else { throw ValidationError("--runs must be 1 to 200.") }
    }

    func run() async throws {
        let manager = try NetworkManager(dataDirectory: try DataDirectory().path)
        let clock = ContinuousClock()
        var names: [String] = []
        var creations: [Duration] = []
        var removals: [Duration] = []
        do {
            for number in 0...runs {
                creations.append(
                    try await clock.measure {
                        names.append(try await manager.createTap(vmId: "bench-\(number)", ifaceId: "eth0").tapName)
                    })
            }
            for name in names { removals.append(try await clock.measure { try await manager.removeTap(name) }) }
        } catch {
            try? await manager.cleanup()
            throw error
        }
        let figures = [
            ("network_create_ms", "set-up of a VM's network (median)", creations.dropFirst().median),
            ("network_create_max_ms", "the same (maximum)", creations.dropFirst().max() ?? .zero),
            ("network_first_create_ms", "the first one's, with the bridge and its rules", creations[0]),
            ("network_remove_ms", "removal of a VM's network (median)", removals.dropLast().median),
            ("network_remove_max_ms", "the same (maximum)", removals.dropLast().max() ?? .zero),
            ("network_last_remove_ms", "the last one's, with the bridge and its rules", removals[removals.count - 1]),
        ]
        switch format {
        case .table:
            for (_, text, value) in figures {
                let rounded = value.inMilliseconds
                print(text + String(repeating: " ", count: max(1, 58 - text.count - rounded.count)) + rounded + " ms")
            }
        case .json:
            print("{" + figures.map { "\"\($0.0)\":\($0.2.inMilliseconds)" }.joined(separator: ",") + "}")
        }
    }
}

extension Collection<Duration> {
    fileprivate var median: Duration {
        let sorted = sorted()
        return sorted.isEmpty ? .zero : sorted[sorted.count / 2]
    }
}

extension Duration {
    /// With two decimals.
    fileprivate var inMilliseconds: String {
        let hundredths = Int((self / .microseconds(10)).rounded())
        let cents = hundredths % 100
        return "\(hundredths / 100).\(cents < 10 ? "0" : "")\(cents)"
    }
}
