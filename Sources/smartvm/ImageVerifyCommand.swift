import ArgumentParser
import SmartVM

/// `smartvm image verify`.
struct ImageVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare images with their checksums.",
        discussion: """
            Prints the names of those that are what they were; fails with status 1 if one is not.

            EXAMPLES:
              smartvm image build minimal
              smartvm image verify minimal
            """)

    @Argument(help: "The images. Default: all.", completion: .images)
    var names: [String] = []

    @Flag(name: .shortAndLong, help: "Say nothing of the steps.")
    var quiet = false

    func run() async throws {
        await SmartVMCommand.reclaimAbandoned()
        let manager = BaseImageManager(try DataDirectory())
        let all = names.isEmpty ? manager.names() : names
        let quiet = quiet
        let reporter = ImageProgressReporter()
        var areIntact = true
        for name in all {
            var isIntact = false
            do {
                isIntact = try await manager.verify(named: name, progress: { if !quiet { reporter.report($0) } })
            } catch let error as SmartVMError where error.code == .invalidImageManifest && names.isEmpty {
                StandardError.print("smartvm: \(error)")
            }
            reporter.finish()
            if isIntact { print(name) } else { StandardError.print("smartvm: The image \(name) is not what it was.") }
            areIntact = areIntact && isIntact
        }
        if !areIntact { throw ExitCode(1) }
    }
}
