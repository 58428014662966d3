import Foundation
import SmartVM
import Synchronization
import Testing

/// The seed's tests of BaseImageManager, one to one.
@Suite("Seed: BaseImageManager")
struct BaseImageManagerSeedTests {
    let directory: TestDirectory

    init() throws { directory = try TestDirectory() }

    private var cacheDir: String { "\(directory.path)/cache" }

    private func artifact(
        _ name: String, _ text: String, fileName: String
    ) throws -> BaseImageHostedManifest.Artifact {
        let bytes = Array(text.utf8)
        return .init(
            path: try directory.file(name, bytes), fileName: fileName, sha256: sha256(bytes),
            sizeBytes: Int64(bytes.count))
    }

    private func write(_ manifest: BaseImageHostedManifest) throws -> String {
        try directory.file("manifest.json", Array(try JSONEncoder().encode(manifest)))
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func rejected(
        _ options: BaseImageOptions, by manager: BaseImageManager
    ) async throws -> SmartVMError.Code? {
        await #expect(throws: SmartVMError.self) { try await manager.ensureBaseImage(options) }?.code
    }

    @Test("BaseImageManager - instantiation with defaults")
    func defaults() throws {
        let manager = try BaseImageManager()
        let temporary = FileManager.default.temporaryDirectory.path
        #expect(manager.cacheDir == "\(temporary)/.smartvm/base-images")
        #expect(manager.maxStoredBaseImages == 2)
    }

    @Test("BaseImageManager - rejects invalid maxStoredBaseImages")
    func invalidLimit() {
        let error = #expect(throws: SmartVMError.self) {
            try BaseImageManager(BaseImageManagerOptions(maxStoredBaseImages: 0))
        }
        #expect(error?.code.rawValue == "INVALID_BASE_IMAGE_CACHE_LIMIT")
    }

    @Test("BaseImageManager - pruneBaseImageCache() should evict old bundles")
    func prune() async throws {
        let cacheDir = cacheDir
        let warnings = Mutex<[String]>([])
        let manager = try BaseImageManager(
            BaseImageManagerOptions(
                cacheDir: cacheDir, maxStoredBaseImages: 2, warning: { text in warnings.withLock { $0.append(text) } }))
        func createManifest(_ bundleId: String, _ lastAccessedAt: String) throws {
            let bundleDir = "\(cacheDir)/\(bundleId)"
            try FileManager.default.createDirectory(atPath: bundleDir, withIntermediateDirectories: true)
            var source = BaseImageBundle.Source()
            source.bucketUrl = "https://s3.amazonaws.com/spec.ccfc.min"
            source.kernelKey = "kernel"
            source.rootfsKey = "rootfs"
            let bundle = BaseImageBundle(
                preset: .lts, arch: "x86_64", ciVersion: "v1.7", firecrackerVersion: "v1.7.0", bundleId: bundleId,
                bundleDir: bundleDir, kernelImagePath: "\(bundleDir)/vmlinux", rootfsPath: "\(bundleDir)/rootfs.ext4",
                rootfsType: "ext4", rootfsIsReadOnly: false, bootArgs: "console=ttyS0 reboot=k panic=1 pci=off",
                source: source, createdAt: lastAccessedAt, lastAccessedAt: lastAccessedAt)
            try JSONEncoder().encode(bundle).write(to: URL(fileURLWithPath: "\(bundleDir)/manifest.json"))
        }
        try createManifest("old", "2024-01-01T00:00:00.000Z")
        try createManifest("middle", "2024-01-02T00:00:00.000Z")
        try createManifest("new", "2024-01-03T00:00:00.000Z")

        #expect(try await manager.pruneBaseImageCache(keeping: "new") == ["old"])
        let seen = warnings.withLock { $0 }
        #expect(seen.count == 1)
        #expect(seen.first?.contains("Evicting old") == true)
        #expect(!exists("\(cacheDir)/old"))
        #expect(exists("\(cacheDir)/middle"))
        #expect(exists("\(cacheDir)/new"))
    }

    @Test("BaseImageManager - ensureBaseImage() should copy hosted manifest artifacts")
    func copiesHosted() async throws {
        let manifest = BaseImageHostedManifest(
            schemaVersion: 1, bundleId: "smartvm-minimal-test", name: "SmartVM minimal test bundle", arch: "x86_64",
            firecrackerVersion: "v1.15.1", rootfsType: "ext4", rootfsIsReadOnly: false,
            bootArgs: "console=ttyS0 reboot=k panic=1 pci=off",
            kernel: try artifact("vmlinux-test", "fake-kernel", fileName: "vmlinux"),
            rootfs: try artifact("rootfs-test.ext4", "fake-rootfs", fileName: "rootfs.ext4"))
        let manifestPath = try write(manifest)
        let manager = try BaseImageManager(BaseImageManagerOptions(cacheDir: cacheDir, arch: "x86_64"))
        let bundle = try await manager.ensureBaseImage(BaseImageOptions(manifestPath: manifestPath))
        #expect(bundle.preset == .hosted)
        #expect(bundle.bundleId == "smartvm-minimal-test")
        #expect(bundle.firecrackerVersion == "v1.15.1")
        #expect(bundle.source.type == "hosted-manifest")
        #expect(bundle.source.manifestPath == manifestPath)
        #expect(exists(bundle.kernelImagePath))
        #expect(exists(bundle.rootfsPath))
        #expect(bundle.checksums?.kernelSha256 == sha256(Array("fake-kernel".utf8)))
        #expect(bundle.checksums?.rootfsSha256 == sha256(Array("fake-rootfs".utf8)))
    }

    @Test("BaseImageManager - ensureBaseImage() should redownload corrupted cached artifacts")
    func redownloadsCorrupted() async throws {
        let manifest = BaseImageHostedManifest(
            schemaVersion: 1, bundleId: "smartvm-corruption-test", arch: "x86_64", firecrackerVersion: "v1.15.1",
            rootfsType: "ext4", kernel: try artifact("vmlinux-test", "fresh-kernel", fileName: "vmlinux"),
            rootfs: try artifact("rootfs-test.ext4", "fresh-rootfs", fileName: "rootfs.ext4"))
        let manifestPath = try write(manifest)
        let manager = try BaseImageManager(BaseImageManagerOptions(cacheDir: cacheDir, arch: "x86_64"))
        let first = try await manager.ensureBaseImage(BaseImageOptions(manifestPath: manifestPath))
        try Data("tampered-kernel".utf8).write(to: URL(fileURLWithPath: first.kernelImagePath))
        let second = try await manager.ensureBaseImage(BaseImageOptions(manifestPath: manifestPath))
        #expect(try String(contentsOfFile: second.kernelImagePath, encoding: .utf8) == "fresh-kernel")
        #expect(second.checksums?.kernelSha256 == sha256(Array("fresh-kernel".utf8)))
    }

    @Test("BaseImageManager - ensureBaseImage() should reject hosted manifest arch mismatch")
    func rejectsArch() async throws {
        let manifest = BaseImageHostedManifest(
            schemaVersion: 1, bundleId: "smartvm-invalid-arch-test", arch: "aarch64", firecrackerVersion: "v1.15.1",
            rootfsType: "ext4", kernel: .init(path: "\(directory.path)/vmlinux"),
            rootfs: .init(path: "\(directory.path)/rootfs.ext4"))
        let manager = try BaseImageManager(BaseImageManagerOptions(cacheDir: cacheDir, arch: "x86_64"))
        let code = try await rejected(BaseImageOptions(manifestPath: write(manifest)), by: manager)
        #expect(code?.rawValue == "INVALID_BASE_IMAGE_MANIFEST")
    }

    @Test("BaseImageManager - ensureBaseImage() should reject hosted manifest fileName traversal")
    func rejectsTraversal() async throws {
        let manifest = BaseImageHostedManifest(
            schemaVersion: 1, bundleId: "smartvm-invalid-filename-test", arch: "x86_64", firecrackerVersion: "v1.15.1",
            rootfsType: "ext4", kernel: .init(path: "\(directory.path)/vmlinux", fileName: "../vmlinux"),
            rootfs: .init(path: "\(directory.path)/rootfs.ext4", fileName: "rootfs.ext4"))
        let manager = try BaseImageManager(BaseImageManagerOptions(cacheDir: cacheDir, arch: "x86_64"))
        let code = try await rejected(BaseImageOptions(manifestPath: write(manifest)), by: manager)
        #expect(code?.rawValue == "INVALID_BASE_IMAGE_MANIFEST")
    }

    @Test("BaseImageManager - ensureBaseImage() should reject hosted URL artifacts without sha256")
    func rejectsMissingDigest() async throws {
        let manifest = BaseImageHostedManifest(
            schemaVersion: 1, bundleId: "smartvm-invalid-url-test", arch: "x86_64", firecrackerVersion: "v1.15.1",
            rootfsType: "ext4", kernel: .init(url: "https://example.com/vmlinux"),
            rootfs: .init(path: "\(directory.path)/rootfs.ext4"))
        let manager = try BaseImageManager(BaseImageManagerOptions(cacheDir: cacheDir, arch: "x86_64"))
        let code = try await rejected(BaseImageOptions(manifestPath: write(manifest)), by: manager)
        #expect(code?.rawValue == "INVALID_BASE_IMAGE_MANIFEST")
    }

    @Test("BaseImageManager - hosted preset should require a manifest")
    func hostedNeedsManifest() async throws {
        let manager = try BaseImageManager(BaseImageManagerOptions(cacheDir: cacheDir))
        let code = try await rejected(BaseImageOptions(preset: .hosted), by: manager)
        #expect(code?.rawValue == "BASE_IMAGE_MANIFEST_FAILED")
    }
}
