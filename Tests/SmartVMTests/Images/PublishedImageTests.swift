import Foundation
import Linux
import Synchronization
import Testing

@testable import SmartVM

@Suite("Images of Firecracker's CI")
struct PublishedImageTests {
    let directory: TestDirectory
    let server: FaultyServer
    let warnings = Warnings()

    final class Warnings: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [String] { texts.withLock { $0 } }
    }

    init() async throws {
        directory = try TestDirectory()
        server = try await FaultyServer()
        for key in [
            "v1.7/x86_64/vmlinux-5.10.225", "v1.7/x86_64/vmlinux-6.1.99", "v1.7/x86_64/vmlinux-6.1.102",
            "v1.7/x86_64/vmlinux-6.1.102.config", "v1.7/x86_64/vmlinux-6.1.200-no-acpi",
            "v1.7/x86_64/ubuntu-22.04.ext4", "v1.7/x86_64/ubuntu-22.04.id_rsa", "v1.7/x86_64/ubuntu-18.04.squashfs",
            "v1.7/x86_64/debug/vmlinux-6.2.0", "v1.7/aarch64/vmlinux-6.1.102", "v1.10/x86_64/vmlinux-6.1.141",
            "v1.10/x86_64/ubuntu-24.04.squashfs", "v1.10/x86_64/ubuntu-24.04.ext4",
            "20251218-f2f293f67e5f-0/x86_64/vmlinux-6.1.155", "20251218-f2f293f67e5f-0/x86_64/ubuntu-24.04.squashfs",
            "20260101-aa-0/x86_64/vmlinux-6.1.160", "README",
        ] { server.put("/bucket/firecracker-ci/\(key)", .init("content of \(key)")) }
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: "\(directory.path)/smartvm-guest")
    }

    private var cache: String { "\(directory.path)/cache" }

    private func manager(_ limit: Int = 2, bucket: String? = nil) throws -> BaseImageManager {
        let warnings = warnings
        var manager = try BaseImageManager(
            BaseImageManagerOptions(
                cacheDir: cache, maxStoredBaseImages: limit, arch: "x86_64",
                bucketUrl: bucket ?? "\(server.url)/bucket", warning: { warnings.add($0) }),
            environment: HostEnvironment(variables: [:], user: 0, executable: "\(directory.path)/smartvm"))
        manager.downloader.retry = RetryPolicy(attempts: 2, firstDelay: .milliseconds(1))
        return manager
    }

    @Test("lts is the newest of v1.7, by number")
    func longTerm() async throws {
        server.setPageSize(3)
        let bundle = try await manager().ensureBaseImage(BaseImageOptions(preset: .lts))
        #expect(bundle.preset == .lts && bundle.ciVersion == "v1.7" && bundle.firecrackerVersion == "v1.7.0")
        #expect(bundle.source.kernelKey == "firecracker-ci/v1.7/x86_64/vmlinux-6.1.102")
        #expect(bundle.source.rootfsKey == "firecracker-ci/v1.7/x86_64/ubuntu-22.04.ext4")
        #expect(bundle.source.bucketUrl == "\(server.url)/bucket" && bundle.source.type == "firecracker-ci")
        #expect(bundle.rootfsType == "ext4" && !bundle.rootfsIsReadOnly)
        #expect(bundle.bootArgs == "console=ttyS0 reboot=k panic=1 pci=off")
        #expect(bundle.initrdPath == nil && bundle.agent == nil)
        #expect(try File.readText(bundle.kernelImagePath) == "content of v1.7/x86_64/vmlinux-6.1.102")
        #expect(bundle.checksums?.rootfsSha256 == sha256(Array("content of v1.7/x86_64/ubuntu-22.04.ext4".utf8)))
        #expect(try manager().list() == [bundle])
    }

    @Test("latest is of the newest version that has both files")
    func latest() async throws {
        let bundle = try await manager().ensureBaseImage(BaseImageOptions(preset: .latest))
        #expect(bundle.ciVersion == "20251218-f2f293f67e5f-0")
        #expect(bundle.rootfsType == "squashfs" && bundle.rootfsIsReadOnly)
        #expect(try FileTree.names(at: cache).filter { !$0.hasPrefix(".") } == [bundle.bundleId])
    }

    @Test("of one version, a squashfs is taken rather than an ext4")
    func chosenVersion() async throws {
        let bundle = try await manager().ensureBaseImage(BaseImageOptions(preset: .latest, ciVersion: "v1.10"))
        #expect(bundle.ciVersion == "v1.10" && bundle.rootfsPath.hasSuffix("ubuntu-24.04.squashfs"))
    }

    @Test("what is there is used without asking the bucket, until somebody wants a newer one")
    func cached() async throws {
        let first = try await manager().ensureBaseImage(BaseImageOptions(preset: .latest))
        let asked = server.requests.count
        let second = try await manager().ensureBaseImage(
            BaseImageOptions(preset: .latest), progress: { Issue.record("progress of nothing: \($0)") })
        #expect(second == first && server.requests.count == asked)
        server.put("/bucket/firecracker-ci/20260101-aa-0/x86_64/ubuntu-24.04.squashfs", .init("new"))
        let refreshed = try await manager().ensureBaseImage(BaseImageOptions(preset: .latest, refresh: true))
        #expect(refreshed.ciVersion == "20260101-aa-0")
        #expect(try await manager().ensureBaseImage(BaseImageOptions(preset: .latest)) == refreshed)
        let again = server.requests.count
        #expect(
            try await manager().ensureBaseImage(BaseImageOptions(preset: .latest, refresh: true)) == refreshed)
        // Two listings, and no file.
        #expect(server.requests.count == again + 2)
    }

    @Test("a file that has changed is found, and fetched anew")
    func corrupted() async throws {
        let first = try await manager().ensureBaseImage(BaseImageOptions(preset: .lts))
        let size = try FileStatus(of: first.kernelImagePath).size
        try File.write([UInt8](repeating: 65, count: Int(size)), to: first.kernelImagePath)
        let second = try await manager().ensureBaseImage(BaseImageOptions(preset: .lts))
        #expect(second.bundleId == first.bundleId && second.createdAt != first.createdAt)
        #expect(try File.readText(second.kernelImagePath) == "content of v1.7/x86_64/vmlinux-6.1.102")
        #expect(try await manager().verify(named: second.bundleId))
    }

    @Test("with the agent it gets an initramfs, without it stays as it was fetched")
    func agent() async throws {
        let plain = try await manager().ensureBaseImage(BaseImageOptions(preset: .latest))
        let bundle = try await manager().ensureBaseImage(.latest)
        let initrd = try #require(bundle.initrdPath)
        let text = String(decoding: try File.read(initrd), as: UTF8.self)
        #expect(text.hasPrefix("070701") && text.contains("init") && text.contains("proc"))
        #expect(bundle.agent?.path == "\(directory.path)/smartvm-guest")
        #expect(try await manager().verify(named: bundle.bundleId))
        #expect(try await manager().ensureBaseImage(BaseImageOptions(preset: .latest)) == plain)
        #expect(try await manager().ensureBaseImage(named: bundle.bundleId) == bundle)
        #expect(try await manager().ensureBaseImage(named: "latest") == bundle)
    }

    @Test("the cache keeps the last used ones, never one in use, and minimal does not count")
    func bounded() async throws {
        let manager = try manager(1)
        let lts = try await manager.ensureBaseImage(BaseImageOptions(preset: .lts))
        var use: BaseImageUse? = try manager.use(lts)
        let latest = try await manager.ensureBaseImage(BaseImageOptions(preset: .latest))
        #expect(try manager.list().map(\.bundleId) == [latest.bundleId, lts.bundleId])
        #expect(warnings.all.isEmpty && use?.bundle == lts)
        use = nil
        let other = try await manager.ensureBaseImage(BaseImageOptions(preset: .latest, ciVersion: "v1.10"))
        #expect(try manager.list().map(\.bundleId) == [other.bundleId])
        #expect(warnings.all.count == 2)
        #expect(warnings.all.allSatisfy { $0.hasPrefix("Evicting ") })
        let error = #expect(throws: SmartVMError.self) { try manager.use(lts) }
        #expect(error?.code == .imageNotFound)
        #expect(try FileTree.names(at: cache).filter { !$0.contains(other.bundleId) } == [])
    }

    @Test("of many who need it at once, one fetches it")
    func concurrent() async throws {
        let manager = try manager()
        let bundles = try await withThrowingTaskGroup(of: BaseImageBundle.self) { group in
            for _ in 0..<8 { group.addTask { try await manager.ensureBaseImage(BaseImageOptions(preset: .lts)) } }
            return try await group.reduce(into: [BaseImageBundle]()) { $0.append($1) }
        }
        #expect(Set(bundles).count == 1)
        #expect(server.requests(for: "/bucket/firecracker-ci/v1.7/x86_64/vmlinux-6.1.102").count == 1)
    }

    @Test(
        "a bucket that has nothing, or is none, leaves nothing", arguments: ["empty", "nothing-here", "file", "html"])
    func nothing(bucket: String) async throws {
        server.put("/file", .init("not XML"))
        server.put("/html", .init("<html><body>hello</body></html>"))
        for options in [BaseImageOptions(preset: .latest), BaseImageOptions(preset: .lts)] {
            let error = await #expect(throws: SmartVMError.self) {
                try await manager(bucket: "\(server.url)/\(bucket)").ensureBaseImage(options)
            }
            #expect(error?.code == .baseImageResolveFailed)
        }
        #expect(!File.exists(cache))
    }

    @Test("an architecture, a version or a bucket that cannot be is named")
    func wrongOptions() async throws {
        func code(_ options: BaseImageOptions, bucket: String? = nil) async throws -> SmartVMError.Code? {
            await #expect(throws: SmartVMError.self) {
                try await manager(bucket: bucket).ensureBaseImage(options)
            }?.code
        }
        #expect(try await code(.init(preset: .lts, arch: "aarch64")) == .baseImageResolveFailed)
        #expect(try await code(.init(preset: .lts, arch: "riscv64")) == .invalidConfiguration)
        #expect(try await code(.init(preset: .lts, ciVersion: "../v1.7")) == .baseImageResolveFailed)
        #expect(try await code(.init(preset: .lts), bucket: "ftp://example.com") == .invalidURL)
        #expect(try await code(.init(preset: .minimal, arch: "aarch64")) == .imageNotFound)
        #expect(try await code(.init(preset: BaseImagePreset(rawValue: "x"))) == .imageNotFound)
        let error = #expect(throws: SmartVMError.self) {
            try BaseImageManager(BaseImageManagerOptions(arch: "arm64"))
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(!File.exists(cache))
    }

    @Test("a file that is gone between the listing and the download leaves nothing")
    func vanishes() async throws {
        server.fail("/bucket/firecracker-ci/v1.7/x86_64/ubuntu-22.04.ext4", .status(404, headers: [:]))
        let error = await #expect(throws: SmartVMError.self) {
            try await manager().ensureBaseImage(BaseImageOptions(preset: .lts))
        }
        #expect(error?.code == .downloadFailed)
        #expect(try FileTree.names(at: cache) == [])
    }
}
