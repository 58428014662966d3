import ArgumentParser
import SmartVM

/// `smartvm image build`.
struct ImageBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Make an image on this machine.",
        discussion: """
            An image that is there is compared with its checksums and left as it is, but for the guest agent, which \
            becomes that of this smartvm.

            EXAMPLES:
              smartvm image build minimal
            """)

    @Argument(help: "The image.")
    var name = BaseImagePreset.minimal.rawValue

    @Flag(name: .shortAndLong, help: "Make it anew of today's packages even if it is there.")
    var force = false

    @Flag(name: .shortAndLong, help: "Say nothing of the steps.")
    var quiet = false

    func validate() throws {
        if ["latest", "lts"].contains(name) {
            throw ValidationError("\(name) is fetched, not made: smartvm image pull \(name).")
        }
    }

    func run() async throws {
        let directory = try DataDirectory()
        try directory.prepare()
        await SmartVMCommand.reclaimAbandoned()
        let quiet = quiet
        let reporter = ImageProgressReporter()
        defer { reporter.finish() }
        let bundle = try await BaseImageManager(directory).ensureBaseImage(
            BaseImagePreset(rawValue: name), force: force, verify: true, progress: { if !quiet { reporter.report($0) } }
        )
        reporter.finish()
        print(bundle.bundleDir)
    }
}
