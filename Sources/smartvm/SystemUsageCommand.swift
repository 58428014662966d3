import ArgumentParser
import SmartVM

/// `smartvm system df`.
struct SystemUsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "df",
        abstract: "Show what the data directory takes on the disk, and what of it could be freed.",
        discussion: """
            Disks are sparse: SIZE counts their holes, ON DISK does not. smartvm system prune frees what is reclaimable; images and VMMs with \
            --all, volumes with --volumes.

            EXAMPLES:
              smartvm system df
              smartvm system df --verbose
            """)

    @Flag(name: .shortAndLong, help: "Every single thing.")
    var verbose = false

    @Option(help: "How to print it.")
    var format = OutputFormat.table

    func run() async throws {
        let usage = try await SmartVM().dataUsage()
        switch format {
        case .json: print(verbose ? try JSONText.of(usage.items) : try JSONText.of(usage.sums))
        case .table: print(verbose ? items(usage) : sums(usage))
        }
    }

    private func sums(_ usage: DiskUsage) -> String {
        var table = TextTable(["TYPE", "TOTAL", "IN USE", "SIZE", "ON DISK", "RECLAIMABLE"])
        for sum in usage.sums {
            let percent = sum.allocated > 0 ? " (\(sum.reclaimable * 100 / sum.allocated)%)" : ""
            table.add([
                sum.kind.label, "\(sum.count)", "\(sum.inUse)", "\(ByteSize(sum.size))", "\(ByteSize(sum.allocated))",
                "\(ByteSize(sum.reclaimable))\(percent)",
            ])
        }
        return table.text
    }

    private func items(_ usage: DiskUsage) -> String {
        var table = TextTable(["TYPE", "NAME", "SIZE", "ON DISK", "IN USE"])
        for item in usage.items {
            let use = item.usedBy.isEmpty ? item.isInUse ? "yes" : "no" : "by \(item.usedBy.joined(separator: ", "))"
            table.add([
                item.kind.label, item.name.shortened(to: 28), "\(ByteSize(item.size))", "\(ByteSize(item.allocated))",
                use.shortened(to: 20),
            ])
        }
        return table.text
    }
}

extension DiskUsage.Kind {
    fileprivate var label: String {
        switch self {
        case .images: "Images"
        case .vms: "VMs"
        case .volumes: "Volumes"
        case .vmms: "VMMs"
        case .caches: "Caches"
        }
    }
}
