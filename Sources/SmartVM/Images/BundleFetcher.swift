internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// Fetches what a plan names into an image's directory. Works under the image's lock.
struct BundleFetcher: Sendable {
    let directory: ImageDirectory
    let downloader: Downloader

    /// - Throws: what ``Downloader/fetch(_:to:partials:progress:)`` does.
    func fetch(_ plan: BundlePlan, steps: ImageSteps) async throws -> BaseImageBundle {
        let sizes = plan.items.map(\.wanted.size)
        // All of it must fit before any of it is fetched.
        try DownloadRequest.requireSpace(sizes.reduce(0) { $0 + ($1 ?? 0) }, at: directory.cacheDir)
        let staging = directory.stagingPath
        try FileTree.makeDirectory(staging, mode: 0o700)

        let whole = sizes.reduce(Int64(0)) { $0 + ($1 ?? 64 << 20) }
        var done: Int64 = 0
        var files: [(name: String, received: ReceivedFile)] = []
        for item in plan.items {
            done += item.wanted.size ?? 64 << 20
            try steps.begin(Self.words(for: item), upTo: 0.97 * Double(done) / Double(max(whole, 1)))
            let received = try await downloader.fetch(
                item.wanted, to: "\(staging)/\(item.fileName)", partials: directory.partialsPath
            ) { try steps.within(bytes: $0, of: $1) }
            guard received.size > 0 else {
                throw SmartVMError(.sizeMismatch, "\(item.wanted) is empty.")
            }
            files.append((item.fileName, received))
        }

        try steps.begin("Writing the image to the disk", upTo: 1)
        let bundle = bundle(plan, files.map(\.received.sha256))
        try directory.write(bundle, in: staging)
        try VerifiedFiles(files.map { ($0.name, $0.received.sha256) }, in: staging).write(in: staging)
        let directory = directory
        try await BlockingWork.run { try directory.publish() }
        return bundle
    }

    private static func words(for item: BundlePlan.Item) -> String {
        switch item.wanted.source {
        case .url(let url): "Downloading \(item.fileName) from \(url.host)"
        case .file(let path): "Copying \(path)"
        }
    }

    /// - Parameter digests: Of kernel, root file system and initramfs, if there is one.
    private func bundle(_ plan: BundlePlan, _ digests: [String]) -> BaseImageBundle {
        let now = Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(Date())
        return BaseImageBundle(
            preset: plan.preset, arch: plan.arch, ciVersion: plan.ciVersion,
            firecrackerVersion: plan.firecrackerVersion, bundleId: plan.bundleId, bundleDir: directory.path,
            kernelImagePath: "\(directory.path)/\(plan.kernel.fileName)",
            initrdPath: plan.initrd.map { "\(directory.path)/\($0.fileName)" },
            rootfsPath: "\(directory.path)/\(plan.rootfs.fileName)", rootfsType: plan.rootfsType,
            rootfsIsReadOnly: plan.rootfsIsReadOnly, bootArgs: plan.bootArgs, source: plan.source, createdAt: now,
            lastAccessedAt: now,
            checksums: .init(
                kernelSha256: digests[0], rootfsSha256: digests[1], initrdSha256: digests.count > 2 ? digests[2] : nil))
    }
}
