import ArgumentParser
import FoundationEssentials
import SmartVM

/// `smartvm image pull`.
struct ImagePullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch an image, or a newer one.",
        discussion: """
            latest   the newest kernel and root file system that Firecracker's CI has published
            lts      those of its version v1.7, which do not change any more

            Other images are described by a manifest: `--manifest vm.json`, `--manifest https://example.com/vm.json`. What is fetched is \
            compared with its size and SHA-256 as it comes; a download that broke off is continued by the next one. Images are \
            fetched again only if there is something newer, or if they are not what they were.

            EXAMPLES:
              smartvm image pull latest && smartvm run latest -- uname -a
            """)

    @Argument(help: "latest or lts.")
    var name: String?

    @Option(help: ArgumentHelp("Where the manifest of another image is.", valueName: "path or URL"))
    var manifest: String?

    @Option(help: ArgumentHelp("A version of Firecracker's CI, such as v1.10.", valueName: "version"))
    var ciVersion: String?

    @Flag(name: .shortAndLong, help: "Fetch it anew even if it is there.")
    var force = false

    @Flag(name: .shortAndLong, help: "Say nothing of the steps.")
    var quiet = false

    @Option(help: "How to print what was fetched: table (its directory), or json (its manifest).")
    var format = OutputFormat.table

    func validate() throws {
        if (name == nil) == (manifest == nil) {
            throw ValidationError("Give either the name of an image, latest or lts, or --manifest.")
        }
        if let name, !["latest", "lts"].contains(name) {
            throw ValidationError("'\(name)' cannot be pulled; latest and lts can, and what --manifest describes.")
        }
        if manifest != nil, ciVersion != nil { throw ValidationError("--ci-version is for latest and lts.") }
    }

    func run() async throws {
        let directory = try DataDirectory()
        try directory.prepare()
        await SmartVMCommand.reclaimAbandoned()
        var options = BaseImageOptions(
            preset: name.map { BaseImagePreset(rawValue: $0) }, ciVersion: ciVersion, force: force, refresh: true,
            verify: true)
        // A path may hold anything, but one with this in it is meant as an address.
        if let manifest {
            if manifest.contains("://") { options.manifestUrl = manifest } else { options.manifestPath = manifest }
        }
        let quiet = quiet
        let reporter = ImageProgressReporter()
        defer { reporter.finish() }
        let bundle = try await BaseImageManager(directory).ensureBaseImage(
            options, progress: { if !quiet { reporter.report($0) } })
        reporter.finish()
        switch format {
        case .table: print(bundle.bundleDir)
        case .json: print(try JSONText.of(bundle))
        }
    }
}
