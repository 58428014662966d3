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

    /// - Parameter existing: The image that is there, if it is to stay.
    func build(from existing: BaseImageBundle?, steps: ImageSteps) async throws -> BaseImageBundle {
        if let existing, existing.source.recipe == MinimalImage.recipe,
            File.exists("\(existing.bundleDir)/\(MinimalImage.FileName.modules)")
        {
            return try await AgentInitramfs(directory: directory, agent: agent).update(existing, steps: steps)
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
        let packed = try await AgentInitramfs(directory: directory, agent: agent)
            .pack(in: staging, modules: "\(staging)/\(MinimalImage.FileName.modules)")
        try FileTree.removeAll(scratch)

        let kernel = "\(staging)/\(MinimalImage.FileName.kernel)"
        let root = "\(staging)/\(MinimalImage.FileName.rootFileSystem)"
        let now = Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(Date())
        var source = BaseImageBundle.Source(type: "debian-packages")
        source.packages = packages
        source.recipe = MinimalImage.recipe
        var bundle = BaseImageBundle(
            preset: preset, arch: HostArchitecture.name, ciVersion: Self.version(packages.first),
            firecrackerVersion: "v1.16.1", bundleId: directory.name, bundleDir: directory.path,
            kernelImagePath: "\(directory.path)/\(MinimalImage.FileName.kernel)",
            rootfsPath: "\(directory.path)/\(MinimalImage.FileName.rootFileSystem)", rootfsType: "ext4",
            rootfsIsReadOnly: true, bootArgs: MinimalImage.bootArguments, source: source, createdAt: now,
            lastAccessedAt: now,
            checksums: .init(
                kernelSha256: try await Checksum.sha256(ofFile: kernel),
                rootfsSha256: try await Checksum.sha256(ofFile: root)))
        packed.enter(into: &bundle)
        try steps.begin("Writing the image to the disk", upTo: 1)
        try directory.write(bundle, in: staging)
        let directory = directory
        try await BlockingWork.run { try directory.publish() }
        return bundle
    }

    private static func version(_ package: String?) -> String {
        package?.split(separator: "=").last.map(String.init) ?? ""
    }
}
