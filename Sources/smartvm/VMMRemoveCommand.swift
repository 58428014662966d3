import ArgumentParser
import SmartVM

/// `smartvm vmm rm`.
struct VMMRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove releases of Firecracker. VMs that run are not disturbed.",
        discussion: """
            EXAMPLES:
              smartvm vmm rm v1.16.1
            """,
        aliases: ["remove"])

    @Argument(help: "The versions.")
    var versions: [String]

    func run() async throws {
        await SmartVMCommand.reclaimAbandoned()
        let manager = ImageManager(try DataDirectory())
        try await ExitStatus.told(ofEach: versions) { version in
            try await manager.remove(version)
            print(version)
        }
    }
}
