import ArgumentParser
import SmartVM

/// `smartvm vmm ls`.
struct VMMListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the releases of Firecracker that were fetched.",
        discussion: """
            EXAMPLES:
              smartvm vmm ls
            """, aliases: ["list"])

    @Option(help: "How to print them.")
    var format = OutputFormat.table

    func run() async throws {
        await SmartVMCommand.reclaimAbandoned()
        let releases = ImageManager(try DataDirectory()).list()
        switch format {
        case .json: print(try JSONText.of(releases))
        case .table:
            var table = TextTable(["VERSION", "ARCH", "FIRECRACKER"])
            for release in releases { table.add([release.version, release.arch, release.firecrackerPath]) }
            print(table.text)
        }
    }
}
