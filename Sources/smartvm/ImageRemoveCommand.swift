import ArgumentParser
import SmartVM

/// `smartvm image rm`.
struct ImageRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove images. One that a VM is made with is not removed.",
        discussion: """
            EXAMPLES:
              smartvm image build minimal
              smartvm image rm minimal
            """, aliases: ["remove"])

    @Argument(help: "The images.", completion: .images)
    var names: [String]

    func run() async throws {
        let manager = BaseImageManager(try DataDirectory())
        await SmartVMCommand.reclaimAbandoned()
        try await ExitStatus.told(ofEach: names) { name in
            try await manager.remove(named: name)
            print(name)
        }
    }
}
