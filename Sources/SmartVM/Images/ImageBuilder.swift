internal import FoundationEssentials
internal import Linux

/// Makes what an image lacks: everything, or only the initramfs with another agent. Works under the image's lock.
struct ImageBuilder: Sendable {
    let directory: ImageDirectory
    let preset: BaseImagePreset
    let agent: AgentBinary
    let recipe: Recipe

    /// Makes kernel, modules and root file system, under the names of ``MinimalImage/FileName``.
    ///
    /// - Parameters:
    ///   - bundle: An existing directory for the results.
    ///   - scratch: An existing directory for what is made on the way.
    /// - Returns: Debian's packages as `name=version`, the kernel's first.
    typealias Recipe =
        @Sendable (
            _ bundle: String, _ scratch: String, _ progress: ImageSteps
        ) async throws -> [String]

    /// How many initramfs of other agents stay, for those who boot them at this moment.
    private static let agentsKept = 3

    /// - Parameter existing: The image that is there, if it is to stay.
    func build(from existing: BaseImageBundle?, steps: ImageSteps) async throws -> BaseImageBundle {
        if let existing, File.exists("\(existing.bundleDir)/\(MinimalImage.FileName.modules)") {
            return try await update(existing, steps: steps)
        }
        return try await make(steps: steps)
    }

    private func make(steps: ImageSteps) async throws -> BaseImageBundle {
        let space = try FileSystemSpace(at: directory.cacheDir)
        guard space.available >= MinimalImage.spaceNeeded else { throw Errno.noSpace }
        let staging = directory.stagingPath
        let scratch = "\(staging)/scratch"
        try FileTree.makeDirectories(scratch)
        let packages = try await recipe(staging, scratch, steps)
        try steps.begin("Packing the guest agent", upTo: 0.98)
        let packed = try await packAgent(in: staging, modules: "\(staging)/\(MinimalImage.FileName.modules)")
        try FileTree.removeAll(scratch)

        let kernel = "\(staging)/\(MinimalImage.FileName.kernel)"
        let root = "\(staging)/\(MinimalImage.FileName.rootFileSystem)"
        let now = Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(Date())
        var source = BaseImageBundle.Source(type: "debian-packages")
        source.packages = packages
        var bundle = BaseImageBundle(
            preset: preset, arch: Self.architecture, ciVersion: Self.version(packages.first),
            firecrackerVersion: "v1.16.1", bundleId: directory.name, bundleDir: directory.path,
            kernelImagePath: "\(directory.path)/\(MinimalImage.FileName.kernel)",
            rootfsPath: "\(directory.path)/\(MinimalImage.FileName.rootFileSystem)", rootfsType: "ext4",
            rootfsIsReadOnly: true, bootArgs: MinimalImage.bootArguments, source: source, createdAt: now,
            lastAccessedAt: now,
            checksums: .init(
                kernelSha256: try Checksum.sha256(ofFile: kernel), rootfsSha256: try Checksum.sha256(ofFile: root)))
        packed.enter(into: &bundle)
        try steps.begin("Writing the image to the disk", upTo: 1)
        try directory.write(bundle, in: staging)
        try directory.publish()
        return bundle
    }

    private func update(_ existing: BaseImageBundle, steps: ImageSteps) async throws -> BaseImageBundle {
        if existing.agent?.identity == agent.identity { return existing }
        var bundle = existing
        let digest = try Checksum.sha256(ofFile: agent.path)
        let published = "\(directory.path)/\(Self.fileName(ofAgent: digest))"
        // What stands in its place is complete: it came there by rename(2).
        if File.exists(published) {
            let sha256 = try Checksum.sha256(ofFile: published)
            packed(digest, initrdSha256: sha256).enter(into: &bundle)
        } else {
            try steps.begin("Packing the guest agent", upTo: 1)
            try FileTree.makeDirectory(directory.stagingPath)
            let packed = try await packAgent(
                in: directory.stagingPath, modules: "\(existing.bundleDir)/\(MinimalImage.FileName.modules)")
            try File.synchronize("\(directory.stagingPath)/\(packed.fileName)")
            try File.move("\(directory.stagingPath)/\(packed.fileName)", to: published)
            packed.enter(into: &bundle)
            try FileTree.removeAll(directory.stagingPath)
        }
        try directory.write(bundle, in: directory.path)
        try RecentFiles.keep(
            Self.agentsKept, in: directory.path, named: Self.initramfsPrefix, besides: bundle.initrdPath)
        return bundle
    }

    /// An initramfs with the agent in it.
    private struct Packed {
        var agent: BaseImageBundle.Agent
        var fileName: String
        var sha256: String

        func enter(into bundle: inout BaseImageBundle) {
            bundle.agent = agent
            bundle.initrdPath = "\(bundle.bundleDir)/\(fileName)"
            bundle.checksums?.initrdSha256 = sha256
        }
    }

    private static let initramfsPrefix = "initramfs-"

    private static func fileName(ofAgent sha256: String) -> String {
        "\(initramfsPrefix)\(sha256.prefix(16)).cpio"
    }

    private func packed(_ agentSha256: String, initrdSha256: String) -> Packed {
        Packed(
            agent: .init(path: agent.path, sha256: agentSha256, identity: agent.identity),
            fileName: Self.fileName(ofAgent: agentSha256), sha256: initrdSha256)
    }

    private func packAgent(in staging: String, modules: String) async throws -> Packed {
        let digest = try Checksum.sha256(ofFile: agent.path)
        let initrd = "\(staging)/\(Self.fileName(ofAgent: digest))"
        let archive = "\(staging)/agent.cpio"
        try await Initramfs().packAgent(agent.path, to: archive, in: staging)
        try File.concatenate([modules, archive], to: initrd, mode: 0o644)
        try FileTree.removeAll(archive)
        return packed(digest, initrdSha256: try Checksum.sha256(ofFile: initrd))
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #else
            "aarch64"
        #endif
    }

    private static func version(_ package: String?) -> String {
        package?.split(separator: "=").last.map(String.init) ?? ""
    }
}
