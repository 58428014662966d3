internal import FirecrackerClient

/// The newest kernel and root file system of a version of Firecracker's CI.
///
/// The bucket has `firecracker-ci/VERSION/ARCH/` with kernels `vmlinux-6.1.102`, root file systems `ubuntu-24.04.squashfs` or
/// `ubuntu-22.04.ext4`, and much beside them: configurations, keys, kernels for special tests (`vmlinux-5.10.225-no-acpi`).
struct CIArtifacts: Hashable, Sendable {
    var version: CIVersion
    var kernel: BucketListing.Object
    var rootfs: BucketListing.Object
    /// `squashfs` or `ext4`.
    var rootfsType: String

    static let prefix = "firecracker-ci/"

    /// Versions that are looked at for `latest`, from the newest on: a new one may be there before all of its files are.
    private static let versionsTried = 5

    /// Finds those of one version.
    ///
    /// - Throws: `BASE_IMAGE_RESOLVE_FAILED` if it has no kernel or no root file system; `DOWNLOAD_FAILED`.
    init(of version: CIVersion, arch: String, in bucket: ArtifactBucket) async throws {
        let prefix = "\(Self.prefix)\(version.name)/\(arch)/"
        let listing = try await bucket.list(prefix: prefix)
        guard let kernel = Self.newestKernel(listing.objects, prefix), kernel.size > 0 else {
            throw Self.missing("kernel (vmlinux-N.N.N)", prefix, bucket)
        }
        guard let rootfs = Self.newestRoot(listing.objects, prefix), rootfs.object.size > 0 else {
            throw Self.missing("root file system (ubuntu-N.N.squashfs or .ext4)", prefix, bucket)
        }
        (self.version, self.kernel, self.rootfs, rootfsType) = (version, kernel, rootfs.object, rootfs.type)
    }

    /// Finds those of the newest version that has both.
    init(ofNewest arch: String, in bucket: ArtifactBucket) async throws {
        let listing = try await bucket.list(prefix: Self.prefix, delimiter: "/")
        let names = listing.commonPrefixes.map { $0.dropFirst(Self.prefix.count).prefix { $0 != "/" } }
        var failure: SmartVMError?
        for version in names.compactMap({ CIVersion($0) }).sorted(by: >).prefix(Self.versionsTried) {
            do {
                try await self.init(of: version, arch: arch, in: bucket)
                return
            } catch let error as SmartVMError where error.code == .baseImageResolveFailed {
                failure = failure ?? error
            }
        }
        throw failure
            ?? SmartVMError(
                .baseImageResolveFailed, "The bucket \(bucket.url) lists no version under \(Self.prefix).",
                cure: "Check that the URL is that of a bucket with files of Firecracker's CI.")
    }

    private static func newestKernel(_ objects: [BucketListing.Object], _ prefix: String) -> BucketListing.Object? {
        objects.compactMap { object -> (version: NumericVersion, object: BucketListing.Object)? in
            let name = object.key.dropFirst(prefix.count)
            guard name.hasPrefix("vmlinux-"), let version = NumericVersion(name.dropFirst(8), parts: 2...4) else {
                return nil
            }
            return (version, object)
        }.max { $0.version < $1.version }?.object
    }

    /// Of the same version, the squashfs: it is a fraction of the size, and nobody can change it.
    private static func newestRoot(
        _ objects: [BucketListing.Object], _ prefix: String
    ) -> (object: BucketListing.Object, type: String)? {
        objects.compactMap { object -> (version: NumericVersion, type: String, object: BucketListing.Object)? in
            let name = object.key.dropFirst(prefix.count)
            guard name.hasPrefix("ubuntu-"),
                let type = ["squashfs", "ext4"].first(where: { name.hasSuffix(".\($0)") }),
                let version = NumericVersion(name.dropFirst(7).dropLast(type.count + 1), parts: 2...3)
            else { return nil }
            return (version, type, object)
        }.max { $0.version == $1.version ? $1.type == "squashfs" && $0.type != "squashfs" : $0.version < $1.version }
            .map { ($0.object, $0.type) }
    }

    private static func missing(_ what: String, _ prefix: String, _ bucket: ArtifactBucket) -> SmartVMError {
        SmartVMError(
            .baseImageResolveFailed, "The bucket \(bucket.url) lists no \(what) under \(prefix).",
            cure: "Choose another version of Firecracker's CI, or the image `minimal`, which is made on this machine.")
    }
}
