import Foundation
import Linux
import Testing

@testable import SmartVM

@Suite("Images that somebody hosts")
struct HostedImageTests {
    let directory: TestDirectory
    let server: FaultyServer

    init() async throws {
        directory = try TestDirectory()
        server = try await FaultyServer()
        server.put("/vmlinux", .init("the kernel"))
        server.put("/rootfs", .init("the root"))
        _ = try directory.file("vmlinux", Array("the kernel".utf8))
        _ = try directory.file("rootfs", Array("the root".utf8))
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: "\(directory.path)/smartvm-guest")
    }

    private var cache: String { "\(directory.path)/cache" }

    private func manager(_ limit: Int64 = 8 << 30) throws -> BaseImageManager {
        var manager = try BaseImageManager(
            BaseImageManagerOptions(cacheDir: cache, arch: "x86_64", maxArtifactBytes: limit, warning: { _ in }),
            environment: HostEnvironment(variables: [:], user: 0, executable: "\(directory.path)/smartvm"))
        manager.downloader.retry = RetryPolicy(attempts: 2, firstDelay: .milliseconds(1))
        return manager
    }

    /// As somebody would write it, with URLs.
    private var hosted: [String: Any] {
        [
            "schemaVersion": 1, "bundleId": "hosted-test", "name": "A test", "arch": "x86_64",
            "firecrackerVersion": "v1.15.1", "rootfsType": "ext4", "rootfsIsReadOnly": true, "bootArgs": "quiet",
            "kernel": [
                "url": "\(server.url)/vmlinux", "fileName": "vmlinux-6",
                "sha256": sha256("the kernel".utf8).uppercased(),
                "sizeBytes": 10,
            ],
            "rootfs": ["url": "\(server.url)/rootfs", "sha256": sha256("the root".utf8)],
        ]
    }

    private func write(_ manifest: [String: Any]) throws -> String {
        try directory.file("manifest.json", Array(try JSONSerialization.data(withJSONObject: manifest)))
    }

    @discardableResult
    private func ensure(_ manifest: [String: Any], _ limit: Int64 = 8 << 30) async throws -> BaseImageBundle {
        try await manager(limit).ensureBaseImage(BaseImageOptions(manifestPath: write(manifest)))
    }

    @Test("every key of a manifest survives reading and writing, and no other appears")
    func roundTrip() throws {
        var manifest = hosted
        manifest["initrd"] = ["path": "initrd", "fileName": "a", "sha256": "b", "sizeBytes": 3]
        let value = try JSONDecoder().decode(
            BaseImageHostedManifest.self, from: try JSONSerialization.data(withJSONObject: manifest))
        let written = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value))
        #expect(written as? NSDictionary == manifest as NSDictionary)
    }

    @Test("a manifest's URLs are fetched, by a manifest that is fetched itself")
    func fetches() async throws {
        server.put("/m.json", .init(Array(try JSONSerialization.data(withJSONObject: hosted))))
        let options = BaseImageOptions(manifestUrl: "\(server.url)/m.json")
        let bundle = try await manager().ensureBaseImage(options)
        #expect(try File.readText("\(cache)/hosted-test/vmlinux-6") == "the kernel")
        #expect(try File.readText("\(cache)/hosted-test/rootfs.ext4") == "the root")
        #expect(bundle.source.manifestUrl == "\(server.url)/m.json" && bundle.source.manifestPath == nil)
        #expect(bundle.bootArgs == "quiet" && bundle.rootfsIsReadOnly)
        #expect(try await manager().ensureBaseImage(options) == bundle)
        #expect(server.requests(for: "/vmlinux").count == 1)
        #expect(try manager().image(named: "hosted-test") == bundle)
    }

    @Test("paths are relative to the manifest, and a copy follows its original")
    func follows() async throws {
        var manifest = hosted
        manifest["kernel"] = ["path": "vmlinux"]
        manifest["rootfs"] = ["path": "rootfs"]
        let first = try await ensure(manifest)
        #expect(first.kernelImagePath == "\(cache)/hosted-test/vmlinux")
        #expect(try await ensure(manifest) == first)
        _ = try directory.file("vmlinux", Array("new kernel".utf8))
        #expect(try File.readText(try await ensure(manifest).kernelImagePath) == "new kernel")
        manifest["bootArgs"] = "other"
        #expect(try await ensure(manifest).bootArgs == "other")
    }

    @Test("an initramfs with modules is kept for the agent to be added to")
    func modules() async throws {
        var manifest = hosted
        manifest["initrd"] = ["path": try directory.file("modules", Array("modules".utf8))]
        let plain = try await ensure(manifest)
        #expect(plain.initrdPath == "\(cache)/hosted-test/modules.cpio")
        let bundle = try await manager().ensureBaseImage(named: "hosted-test")
        #expect(try File.readText(try #require(bundle.initrdPath)).hasPrefix("modules070701"))
        #expect(try await ensure(manifest).initrdPath == plain.initrdPath)
        let other = Array("modulez".utf8)
        manifest["initrd"] = ["path": try directory.file("modules", other), "sha256": sha256(other)]
        _ = try await ensure(manifest)
        #expect(try File.read("\(cache)/hosted-test/modules.cpio") == other)
        try File.write([1], to: "\(cache)/hosted-test/vmlinux-6")
        let error = await #expect(throws: SmartVMError.self) {
            try await manager().ensureBaseImage(named: "hosted-test")
        }
        #expect(error?.code == .invalidImageManifest)
    }

    static let wrong: [(String, String, SmartVMError.Code)] = [
        ("schemaVersion", "2", .invalidImageManifest), ("schemaVersion", "null", .invalidImageManifest),
        ("schemaVersion", "\"1\"", .invalidImageManifest), ("arch", "\"aarch64\"", .invalidImageManifest),
        ("arch", "\"\"", .invalidImageManifest), ("bundleId", "\"../up\"", .invalidImageManifest),
        ("bundleId", "\"\"", .invalidImageManifest), ("bundleId", "\"a/b\"", .invalidImageManifest),
        ("bundleId", "\".hidden\"", .invalidImageManifest), ("bundleId", "\"minimal\"", .invalidImageManifest),
        ("bundleId", "\"latest\"", .invalidImageManifest), ("bundleId", "\"a\\u0000b\"", .invalidImageManifest),
        ("firecrackerVersion", "\"\"", .invalidImageManifest), ("firecrackerVersion", "\"x\"", .invalidImageManifest),
        ("rootfsType", "\"xfs\"", .invalidImageManifest), ("bootArgs", "\"a\\nb\"", .invalidImageManifest),
        ("bootArgs", "\"\(String(repeating: "a", count: 3000))\"", .invalidImageManifest),
        ("kernel", "null", .invalidImageManifest), ("kernel", "[]", .invalidImageManifest),
        ("kernel", "{}", .invalidImageManifest), ("kernel", #"{"path": ""}"#, .invalidImageManifest),
        ("kernel", #"{"path": "/nonexistent"}"#, .invalidFile), ("kernel", #"{"path": "/dev/zero"}"#, .invalidFile),
        ("kernel", #"{"path": "."}"#, .invalidFile),
        ("kernel", #"{"path": "vmlinux", "url": "http://h/x", "sha256": "DIGEST"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "../vmlinux"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "/etc/passwd"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": ""}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "."}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": ".."}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "a/b"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "a\u0000"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "manifest.json"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "verified"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "modules.cpio"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "initramfs-1.cpio"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "fileName": "rootfs.ext4"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sha256": "abc"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sha256": ""}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sha256": "DIGESX"}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sizeBytes": -1}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sizeBytes": 0}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sizeBytes": 1e30}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sizeBytes": 10737418240}"#, .invalidImageManifest),
        ("kernel", #"{"path": "vmlinux", "sizeBytes": 11}"#, .sizeMismatch),
        ("kernel", #"{"path": "vmlinux", "sha256": "DIGEST"}"#, .checksumMismatch),
        ("kernel", #"{"url": "http://h/x"}"#, .invalidImageManifest),
        ("kernel", #"{"url": "file:///etc/passwd", "sha256": "DIGEST"}"#, .invalidImageManifest),
        ("kernel", #"{"url": "ftp://h/x", "sha256": "DIGEST"}"#, .invalidImageManifest),
        ("kernel", #"{"url": "vmlinux", "sha256": "DIGEST"}"#, .invalidImageManifest),
        ("kernel", #"{"url": "", "sha256": "DIGEST"}"#, .invalidImageManifest),
        ("kernel", #"{"url": "SERVER/vmlinux", "sha256": "DIGEST"}"#, .checksumMismatch),
        ("kernel", #"{"url": "SERVER/vmlinux", "sha256": "DIGEST", "sizeBytes": 11}"#, .sizeMismatch),
        ("kernel", #"{"url": "SERVER/none", "sha256": "DIGEST"}"#, .downloadFailed),
        ("rootfs", #"{"url": "SERVER/rootfs"}"#, .invalidImageManifest),
        ("rootfs", #"{"path": "rootfs", "fileName": "../../x"}"#, .invalidImageManifest),
        ("initrd", #"{"url": "SERVER/rootfs"}"#, .invalidImageManifest),
    ]

    @Test("whatever is wrong in a manifest has its error, and nothing is left", arguments: wrong)
    func refuses(key: String, json: String, code: SmartVMError.Code) async throws {
        var manifest = hosted
        let digest = sha256("something else".utf8)
        let text = json.replacingOccurrences(of: "SERVER", with: server.url)
            .replacingOccurrences(of: "DIGEST", with: digest)
            .replacingOccurrences(of: "DIGESX", with: "x" + digest.dropFirst())
        manifest[key] = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        let error = await #expect(throws: SmartVMError.self) { try await ensure(manifest) }
        #expect(error?.code == code, "\(error?.message ?? "")")
        #expect(((try? FileTree.names(at: cache)) ?? []) == [])
    }

    @Test("an image that is there stays as it is when its new manifest is wrong")
    func keeps() async throws {
        let bundle = try await ensure(hosted)
        let before = try FileTree.names(at: cache)
        var manifest = hosted
        manifest["kernel"] = ["url": "\(server.url)/vmlinux", "sha256": sha256([1])]
        await #expect(throws: SmartVMError.self) { try await ensure(manifest) }
        #expect(try FileTree.names(at: cache) == before)
        #expect(try manager().image(named: "hosted-test") == bundle)
    }

    @Test(
        "a manifest that is missing or no manifest is said so",
        arguments: ["", "/nonexistent/manifest.json", "/dev/zero", "/tmp"])
    func unreadable(path: String) async throws {
        let error = await #expect(throws: SmartVMError.self) {
            try await manager().ensureBaseImage(BaseImageOptions(manifestPath: path))
        }
        #expect(error?.code == .imageManifestFailed)
        #expect(!File.exists(cache))
    }

    @Test("text that is no manifest", arguments: ["", "{", "[]", "null", "{}", "\u{0}", "<html>"])
    func nonsense(text: String) async throws {
        let path = try directory.file("manifest.json", Array(text.utf8))
        let error = await #expect(throws: SmartVMError.self) {
            try await manager().ensureBaseImage(BaseImageOptions(manifestPath: path))
        }
        #expect(error?.code == .invalidImageManifest)
    }

    @Test("a manifest from elsewhere may not name files of this machine, and must be where it is said")
    func fromElsewhere() async throws {
        var manifest = hosted
        manifest["rootfs"] = ["path": "/etc/passwd", "sha256": sha256([1])]
        server.put("/m.json", .init(Array(try JSONSerialization.data(withJSONObject: manifest))))
        server.put("/large.json", .init([UInt8](repeating: 32, count: 2 << 20)))
        func code(_ options: BaseImageOptions) async throws -> SmartVMError.Code? {
            await #expect(throws: SmartVMError.self) { try await manager().ensureBaseImage(options) }?.code
        }
        #expect(try await code(.init(manifestUrl: "\(server.url)/m.json")) == .invalidImageManifest)
        #expect(try await code(.init(manifestUrl: "\(server.url)/none.json")) == .imageManifestFailed)
        #expect(try await code(.init(manifestUrl: "\(server.url)/large.json")) == .imageManifestFailed)
        #expect(try await code(.init(manifestUrl: "file:///etc/passwd")) == .invalidURL)
        #expect(try await code(.init(manifestPath: "a", manifestUrl: "b")) == .imageManifestFailed)
        #expect(try await code(.init(preset: .latest, manifestPath: "a")) == .imageManifestFailed)
        #expect(!File.exists(cache))
    }

    @Test("a file that has more bytes than an image may have is refused")
    func limit() async throws {
        let error = await #expect(throws: SmartVMError.self) { try await ensure(hosted, 9) }
        #expect(error?.code == .invalidImageManifest)
        var manifest = hosted
        manifest["kernel"] = ["path": "vmlinux"]
        let other = await #expect(throws: SmartVMError.self) { try await ensure(manifest, 9) }
        #expect(other?.code == .sizeMismatch)
    }
}
