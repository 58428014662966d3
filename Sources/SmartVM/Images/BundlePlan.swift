internal import FirecrackerClient

/// What a fetched image is to be, with everything known of it before it is fetched.
struct BundlePlan: Sendable {
    var preset: BaseImagePreset
    var bundleId: String
    var arch: String
    var ciVersion: String
    var firecrackerVersion: String
    var rootfsType: String
    var rootfsIsReadOnly: Bool
    var bootArgs: String
    var source: BaseImageBundle.Source
    var kernel: Item
    var rootfs: Item
    var initrd: Item?

    struct Item: Hashable, Sendable {
        var wanted: DownloadRequest
        /// In the image's directory.
        var fileName: String
    }

    var items: [Item] { [kernel, rootfs] + (initrd.map { [$0] } ?? []) }

    /// Of a manifest that has been validated.
    ///
    /// - Parameter directory: Where its relative paths begin.
    init(
        _ manifest: BaseImageHostedManifest, source: BaseImageBundle.Source, directory: String, limit: Int64
    ) throws(SmartVMError) {
        preset = .hosted
        bundleId = manifest.bundleId
        arch = manifest.arch
        ciVersion = "hosted"
        firecrackerVersion = manifest.firecrackerVersion
        rootfsType = manifest.rootfsType
        rootfsIsReadOnly = manifest.rootfsIsReadOnly ?? (manifest.rootfsType != "ext4")
        bootArgs = manifest.bootArgs ?? BaseImageHostedManifest.defaultBootArgs
        self.source = source
        func item(
            _ artifact: BaseImageHostedManifest.Artifact, _ name: String, _ fileName: String
        ) throws(SmartVMError) -> Item {
            let place: DownloadRequest.Source =
                if let url = artifact.url { .url(try HTTPURL(url)) } else {
                    .file(artifact.path.map { $0.hasPrefix("/") ? $0 : "\(directory)/\($0)" } ?? "")
                }
            return Item(
                wanted: DownloadRequest(
                    source: place, name: name, size: artifact.sizeBytes,
                    sha256: artifact.sha256.flatMap { Checksum.normalized($0) }, limit: limit),
                fileName: fileName)
        }
        kernel = try item(manifest.kernel, "The kernel", manifest.kernelFileName)
        rootfs = try item(manifest.rootfs, "The root file system", manifest.rootfsFileName)
        initrd =
            if let initrd = manifest.initrd {
                try item(initrd, "The initramfs", ImageDirectory.modulesName)
            } else { nil }
    }

    /// Of what Firecracker's CI has published. The bucket tells no digests: what is fetched is believed as far as TLS and the size go, and
    /// held against the digest of that moment from then on.
    init(
        _ artifacts: CIArtifacts, preset: BaseImagePreset, arch: String, bucket: ArtifactBucket, limit: Int64
    ) throws(SmartVMError) {
        self.preset = preset
        self.arch = arch
        ciVersion = artifacts.version.name
        firecrackerVersion = artifacts.version.firecrackerVersion ?? "v1.16.1"
        rootfsType = artifacts.rootfsType
        rootfsIsReadOnly = artifacts.rootfsType != "ext4"
        bootArgs = BaseImageHostedManifest.defaultBootArgs
        source = BaseImageBundle.Source(type: "firecracker-ci")
        source.bucketUrl = bucket.url.text
        source.kernelKey = artifacts.kernel.key
        source.rootfsKey = artifacts.rootfs.key
        func item(_ object: BucketListing.Object, _ name: String) throws(SmartVMError) -> Item {
            Item(
                wanted: DownloadRequest(
                    source: .url(try bucket.url(ofKey: object.key)), name: name, size: object.size, limit: limit),
                fileName: object.key.split(separator: "/").last.map(String.init) ?? "")
        }
        kernel = try item(artifacts.kernel, "The kernel")
        rootfs = try item(artifacts.rootfs, "The root file system")
        // Two presets of one version are two images: each may go without the other.
        bundleId = "\(preset.rawValue)-\(ciVersion)-\(arch)-\(kernel.fileName)-\(rootfs.fileName)"
    }

    /// Whether an image that is there is the one that is planned, as far as its description goes.
    func describes(_ bundle: BaseImageBundle) -> Bool {
        func fits(_ item: Item, _ path: String?, _ sha256: String?) -> Bool {
            guard let path, path.hasSuffix("/\(item.fileName)") else { return false }
            return item.wanted.sha256 == nil || item.wanted.sha256 == sha256
        }
        return preset == bundle.preset && arch == bundle.arch && ciVersion == bundle.ciVersion
            && firecrackerVersion == bundle.firecrackerVersion && rootfsType == bundle.rootfsType
            && rootfsIsReadOnly == bundle.rootfsIsReadOnly && bootArgs == bundle.bootArgs
            && source.kernelKey == bundle.source.kernelKey && source.rootfsKey == bundle.source.rootfsKey
            && fits(kernel, bundle.kernelImagePath, bundle.checksums?.kernelSha256)
            && fits(rootfs, bundle.rootfsPath, bundle.checksums?.rootfsSha256)
    }
}
