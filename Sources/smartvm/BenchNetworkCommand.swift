import ArgumentParser
import SmartVM

struct BenchNetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Measure what the networks of VMs cost on this machine.",
        discussion: """
            Makes and removes what one VM's network consists of: TAP, bridge port, address, MAC address, firewall element. No VM is \
            started. The first VM of a network pays for the bridge and its rules too.

            EXAMPLES:
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
        BenchFigure.print(
            [
                .init("network_create_ms", "set-up of a VM's network (median)", creations.dropFirst().median, "ms"),
                .init("network_create_max_ms", "the same (maximum)", creations.dropFirst().greatest, "ms"),
                .init(
                    "network_first_create_ms", "the first one's, with the bridge and its rules",
                    creations.first.inMilliseconds, "ms"),
                .init("network_remove_ms", "removal of a VM's network (median)", removals.dropLast().median, "ms"),
                .init("network_remove_max_ms", "the same (maximum)", removals.dropLast().greatest, "ms"),
                .init(
                    "network_last_remove_ms", "the last one's, with the bridge and its rules",
                    removals.last.inMilliseconds, "ms"),
            ], as: format)
    }
}

extension Collection<Duration> {
    /// In milliseconds.
    fileprivate var median: Double {
        let sorted = sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2].milliseconds
    }

    /// In milliseconds.
    fileprivate var greatest: Double { self.max()?.milliseconds ?? 0 }
}

extension Duration? {
    fileprivate var inMilliseconds: Double { self?.milliseconds ?? 0 }
}
