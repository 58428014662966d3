import Foundation
import Linux
import Synchronization
import Testing

@testable import SmartVM

/// The cache of images with everything real but Debian: the recipe writes three small files.
@Suite("The cache of images")
struct BaseImageManagerTests {
    let directory: TestDirectory
    let cache: String
    let environment: HostEnvironment

    init() throws {
        directory = try TestDirectory()
        cache = "\(directory.path)/images"
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: "\(directory.path)/smartvm-guest")
        environment = HostEnvironment(variables: [:], user: 0, executable: "\(directory.path)/smartvm")
    }

    final class Count: Sendable {
        let value = Mutex(0)
        func increment() -> Int {
            value.withLock {
                $0 += 1; return $0
            }
        }
        var current: Int { value.withLock { $0 } }
    }

    func manager(_ builds: Count = Count(), delay: Duration = .zero) -> BaseImageManager {
        BaseImageManager(cacheDir: cache, environment: environment) { bundle, scratch, progress in
            let number = builds.increment()
            try progress.begin("one", upTo: 0.3)
            try File.write(Array("kernel \(number)".utf8), to: "\(bundle)/vmlinux")
            try File.write(Array("modules".utf8), to: "\(bundle)/modules.cpio")
            try progress.begin("two", upTo: 0.6)
            try await Task.sleep(for: delay)
            try File.write(Array("root".utf8), to: "\(bundle)/rootfs.ext4")
            try File.write([1], to: "\(scratch)/litter")
            try progress.begin("three", upTo: 0.9)
            return ["linux-image-6.1.0-42-cloud-amd64=6.1.159-1", "busybox-static=1"]
        }
    }

    func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    func replaceAgent(with program: String) throws {
        try FileManager.default.removeItem(atPath: "\(directory.path)/smartvm-guest")
        try FileManager.default.copyItem(atPath: program, toPath: "\(directory.path)/smartvm-guest")
    }

    @Test("an image is made once, is complete, and is found by another manager")
    func buildsOnce() async throws {
        let builds = Count()
        let made = try await manager(builds).ensureBaseImage()
        #expect(made.ciVersion == "6.1.159-1")
        #expect(made.bundleDir == "\(cache)/minimal")
        let initrd = try #require(made.initrdPath)
        #expect(
            try names(made.bundleDir) == [
                "initramfs-\(try #require(made.agent).sha256.prefix(16)).cpio", "manifest.json", "modules.cpio",
                "rootfs.ext4",
                "vmlinux",
            ])
        #expect(try File.readText(initrd).hasPrefix("modules070701"))
        #expect(made.checksums?.initrdSha256 == (try await Checksum.sha256(ofFile: initrd)))
        let found = try await manager(builds).ensureBaseImage(progress: { Issue.record("progress of nothing: \($0)") })
        #expect(found == made)
        #expect(builds.current == 1)
        #expect(try manager().list() == [made])
        #expect(try manager().image(named: "minimal") == made)
    }

    @Test("progress never goes back and ends at 1")
    func progress() async throws {
        let fractions = Mutex<[Double]>([])
        _ = try await manager().ensureBaseImage(progress: { report in fractions.withLock { $0.append(report.fraction) }
        })
        let seen = fractions.withLock { $0 }
        #expect(seen == seen.sorted())
        #expect(seen.count >= 4 && seen.allSatisfy { (0...1).contains($0) })
    }

    @Test("a build that is interrupted at any step leaves nothing that is believed, and no litter", arguments: 0..<6)
    func interrupted(step: Int) async throws {
        struct Interruption: Error {}
        let seen = Count()
        do {
            _ = try await manager().ensureBaseImage(progress: { _ in if seen.increment() > step { throw Interruption() }
            })
            #expect(seen.current <= step)
        } catch is Interruption {
            #expect(!FileManager.default.fileExists(atPath: "\(cache)/minimal"))
            #expect(try manager().list().isEmpty)
        }
        #expect(try names(cache).filter { !$0.hasSuffix(".lock") && $0 != "minimal" } == [])
        let builds = Count()
        _ = try await manager(builds).ensureBaseImage()
        #expect(try names(cache).filter { !$0.hasSuffix(".lock") } == ["minimal"])
    }

    @Test("what a killed build has left is not an image, and goes with the next build")
    func litter() async throws {
        for path in ["\(cache)/.build-123.minimal/scratch", "\(cache)/.old-123.minimal"] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        try File.write(Array("{".utf8), to: "\(cache)/.build-123.minimal/manifest.json")
        #expect(try manager().list().isEmpty)
        #expect(throws: SmartVMError.self) { try manager().image(named: "minimal") }
        _ = try await manager().ensureBaseImage()
        #expect(try names(cache) == [".minimal.lock", "minimal"])
    }

    @Test("a cancelled build ends, and leaves nothing")
    func cancelled() async throws {
        let manager = manager(delay: .seconds(60))
        let task = Task { try await manager.ensureBaseImage() }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try names(cache) == [])
    }

    @Test("of many who need the image at once, one makes it")
    func concurrent() async throws {
        let builds = Count()
        let manager = manager(builds, delay: .milliseconds(300))
        let bundles = try await withThrowingTaskGroup(of: BaseImageBundle.self) { group in
            for _ in 0..<8 { group.addTask { try await manager.ensureBaseImage() } }
            return try await group.reduce(into: [BaseImageBundle]()) { $0.append($1) }
        }
        #expect(builds.current == 1)
        #expect(Set(bundles).count == 1)
    }

    @Test("of many who want it anew at once, those who waited use what was made meanwhile")
    func concurrentForce() async throws {
        let builds = Count()
        let manager = manager(builds, delay: .milliseconds(300))
        _ = try await manager.ensureBaseImage()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { _ = try await manager.ensureBaseImage(force: true) } }
            try await group.waitForAll()
        }
        #expect(builds.current == 2)
        #expect(try File.readText("\(cache)/minimal/vmlinux") == "kernel 2")
        #expect(try names(cache) == [".minimal.lock", "minimal"])
    }

    @Test("another agent gets an initramfs of its own; kernel and root stay, and so does that of the first agent")
    func agentChanges() async throws {
        let builds = Count()
        let first = try await manager(builds).ensureBaseImage()
        try replaceAgent(with: "/bin/false")
        let second = try await manager(builds).ensureBaseImage()
        #expect(builds.current == 1)
        #expect(first.initrdPath != second.initrdPath)
        #expect(first.agent?.sha256 != second.agent?.sha256)
        let initrd = try #require(first.initrdPath)
        #expect(FileManager.default.fileExists(atPath: initrd))
        try replaceAgent(with: "/bin/true")
        #expect(try await manager(builds).ensureBaseImage().initrdPath == initrd)
        #expect(builds.current == 1)
    }

    @Test("the same agent at another time is the same")
    func sameAgent() async throws {
        let first = try await manager().ensureBaseImage()
        try replaceAgent(with: "/bin/true")
        let second = try await manager().ensureBaseImage(progress: { Issue.record("progress of nothing: \($0)") })
        #expect(second.initrdPath == first.initrdPath)
    }

    @Test("damage is found when it is looked for, and mended")
    func verifies() async throws {
        let builds = Count()
        let bundle = try await manager(builds).ensureBaseImage()
        _ = try await manager(builds).ensureBaseImage(verify: true)
        #expect(builds.current == 1)
        try File.write(Array("tampered".utf8), to: bundle.kernelImagePath)
        _ = try await manager(builds).ensureBaseImage(verify: true)
        #expect(builds.current == 2)
        #expect(try File.readText(bundle.kernelImagePath) == "kernel 2")
    }

    @Test(
        "an image with a missing file or a broken manifest is not used",
        arguments: ["vmlinux", "rootfs.ext4", "manifest.json"])
    func broken(file: String) async throws {
        let builds = Count()
        let bundle = try await manager(builds).ensureBaseImage()
        try File.write([], to: "\(bundle.bundleDir)/\(file)")
        let error = #expect(throws: SmartVMError.self) { try manager().image(named: "minimal") }
        #expect(error?.code == .invalidImageManifest)
        #expect(error?.cure?.contains("smartvm image build minimal") == true)
        _ = try await manager(builds).ensureBaseImage()
        #expect(builds.current == 2)
    }

    @Test("an image is found where the data directory has been moved to")
    func moved() async throws {
        _ = try await manager().ensureBaseImage()
        try FileManager.default.moveItem(atPath: cache, toPath: "\(directory.path)/elsewhere")
        let bundle = try BaseImageManager(cacheDir: "\(directory.path)/elsewhere").image(named: "minimal")
        #expect(bundle.kernelImagePath == "\(directory.path)/elsewhere/minimal/vmlinux")
    }

    @Test("a removed image is gone, and what is not there cannot be removed")
    func removes() async throws {
        _ = try await manager().ensureBaseImage()
        try await manager().remove(named: "minimal")
        #expect(try names(cache) == [])
        let error = await #expect(throws: SmartVMError.self) { try await manager().remove(named: "minimal") }
        #expect(error?.code == .imageNotFound)
    }

    @Test(
        "names that lead elsewhere are refused",
        arguments: ["", "..", ".", "a/b", "../x", ".build-1.minimal", "-f", "a\0b"])
    func names(name: String) async throws {
        let error = await #expect(throws: SmartVMError.self) { try await manager().remove(named: name) }
        #expect(error?.code == .invalidImageName)
    }

    @Test("an unknown preset, a missing agent and a directory that cannot be made are named")
    func errors() async throws {
        let unknown = await #expect(throws: SmartVMError.self) {
            try await manager().ensureBaseImage(BaseImagePreset(rawValue: "nonesuch"))
        }
        #expect(unknown?.code == .imageNotFound)
        let elsewhere = HostEnvironment(variables: ["SMARTVM_GUEST": "/nonexistent"], user: 0)
        let agentless = await #expect(throws: SmartVMError.self) {
            try await BaseImageManager(cacheDir: cache, environment: elsewhere).ensureBaseImage()
        }
        #expect(agentless?.code == .guestAgentNotFound)
        let file = try directory.file("file", [])
        let unwritable = await #expect(throws: SmartVMError.self) {
            try await BaseImageManager(cacheDir: "\(file)/images", environment: environment).ensureBaseImage()
        }
        #expect(unwritable?.code == .dataDirectoryUnusable)
    }
}
