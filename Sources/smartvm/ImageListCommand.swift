import ArgumentParser
import SmartVM

/// `smartvm image ls`.
struct ImageListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the images that are there.",
        discussion: """
            EXAMPLES:
              smartvm image ls
              smartvm image ls --format json
            """, aliases: ["list"])

    @Option(help: "How to print them.")
    var format = OutputFormat.table

    func run() async throws {
        let manager = BaseImageManager(try DataDirectory())
        await SmartVMCommand.reclaimAbandoned()
        let bundles = try manager.list()
        switch format {
        case .json:
            // The manifests themselves.
            print(try JSONText.of(bundles))
        case .table:
            var table = TextTable(["NAME", "VERSION", "ROOT", "CREATED", "SIZE"])
            for bundle in bundles {
                table.add([
                    bundle.bundleId, bundle.ciVersion, bundle.rootfsType, String(bundle.createdAt.prefix(10)),
                    "\(manager.size(of: bundle) >> 20) MiB",
                ])
            }
            print(table.text)
        }
    }
}
