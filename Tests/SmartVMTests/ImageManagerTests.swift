import Foundation
import Linux
import Testing

@testable import SmartVM

@Suite("Releases of Firecracker")
struct ImageManagerTests {
    let directory: TestDirectory
    let server: FaultyServer

    init() async throws {
        directory = try TestDirectory()
        server = try await FaultyServer()
        server.redirect("/releases/latest", to: "/releases/tag/v1.16.1")
        try publish("v1.16.1")
        try publish("v1.9.0")
    }

    private var data: String { "\(directory.path)/data" }

    private func manager() -> ImageManager {
        var manager = ImageManager(
            DataDirectory(path: data), arch: "x86_64", releasesUrl: "\(server.url)/releases",
            environment: HostEnvironment(variables: [:], user: 0))
        manager.downloader.retry = RetryPolicy(attempts: 2, firstDelay: .milliseconds(1))
        return manager
    }

    /// Makes an archive as Firecracker publishes it.
    ///
    /// - Parameter arguments: What tar is given instead of the directory's name.
    private func publish(
        _ tag: String, arguments: [String]? = nil, checksum: String? = nil, prepare: (String) throws -> Void = { _ in }
    ) throws {
        let root = "\(directory.path)/release"
        try FileTree.removeAll(root)
        let name = "release-\(tag)-x86_64"
        try FileTree.makeDirectories("\(root)/\(name)")
        for program in ["firecracker", "jailer", "snapshot-editor"] {
            let path = "\(root)/\(name)/\(program)-\(tag)-x86_64"
            try File.write(Array("#!/bin/sh\necho \(program) \(tag)\n".utf8), to: path, mode: 0o600)
        }
        try prepare("\(root)/\(name)")
        let tar = Foundation.Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "-czf", "\(root)/a.tgz", "-C", root] + (arguments ?? [name])
        tar.standardError = FileHandle.nullDevice
        try tar.run()
        tar.waitUntilExit()
        let archive = try File.read("\(root)/a.tgz")
        let file = "firecracker-\(tag)-x86_64.tgz"
        server.put("/releases/download/\(tag)/\(file)", .init(archive))
        server.put(
            "/releases/download/\(tag)/\(file).sha256.txt", .init(checksum ?? "\(sha256(archive))  \(file)\n"))
        try FileTree.removeAll(root)
    }

    private func run(_ program: String) throws -> String {
        let process = Foundation.Process()
        let output = Foundation.Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.standardOutput = output
        try process.run()
        process.waitUntilExit()
        return String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    @Test("the newest release is found, fetched, checked and placed, once")
    func newest() async throws {
        let release = try await manager().ensureVersion()
        #expect(release.version == "v1.16.1" && release.arch == "x86_64")
        #expect(release.firecrackerPath == "\(data)/firecracker/v1.16.1/firecracker")
        #expect(try run(release.firecrackerPath) == "firecracker v1.16.1\n")
        #expect(try run(release.jailerPath) == "jailer v1.16.1\n")
        #expect(try FileStatus(of: release.firecrackerPath).mode == 0o755)
        #expect(try FileTree.names(at: "\(data)/firecracker") == ["v1.16.1"])
        #expect(try FileTree.names(at: "\(data)/firecracker/v1.16.1") == ["firecracker", "jailer"])
        let asked = server.requests.count
        #expect(try await manager().ensureVersion("1.16.1") == release)
        #expect(server.requests.count == asked)
    }

    @Test("releases are listed by number, found by whoever chooses a VMM, and removed")
    func several() async throws {
        let new = try await manager().ensureVersion("v1.16.1")
        let old = try await manager().ensureVersion("v1.9.0")
        #expect(manager().list() == [old, new])
        #expect(try manager().firecrackerBinaryPath("v1.9.0") == old.firecrackerPath)
        #expect(try manager().jailerBinaryPath("1.16.1") == new.jailerPath)
        #expect(try manager().firecrackerBinaryPath("v1.2.3") == nil)
        if HostEnvironment(variables: [:], user: 0).program("firecracker") == nil {
            let vmm = try VMMSelection.firecracker.resolve(
                in: DataDirectory(path: data), environment: HostEnvironment(variables: [:], user: 0))
            #expect(vmm.path == new.firecrackerPath)
            #expect(manager().findFirecracker() == new.firecrackerPath)
        }
        try await manager().remove("v1.16.1")
        #expect(manager().list() == [old])
        let error = await #expect(throws: SmartVMError.self) { try await manager().remove("v1.16.1") }
        #expect(error?.code == .releaseNotFound)
        #expect(try FileTree.names(at: "\(data)/firecracker") == ["v1.9.0"])
    }

    @Test("a release that is fetched anew takes the place of the old one")
    func force() async throws {
        let first = try await manager().ensureVersion("v1.9.0")
        try File.write(Array("broken".utf8), to: first.firecrackerPath)
        _ = try await manager().ensureVersion("v1.9.0", force: true)
        #expect(try run(first.firecrackerPath) == "firecracker v1.9.0\n")
        #expect(try FileTree.names(at: "\(data)/firecracker") == ["v1.9.0"])
    }

    @Test("of many who need it at once, one fetches it")
    func concurrent() async throws {
        let manager = manager()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 { group.addTask { _ = try await manager.ensureVersion("v1.9.0") } }
            try await group.waitForAll()
        }
        #expect(server.requests(for: "/releases/download/v1.9.0/firecracker-v1.9.0-x86_64.tgz").count == 1)
    }

    private func fails(_ version: String?, _ code: SmartVMError.Code) async throws {
        let error = await #expect(throws: SmartVMError.self) { try await manager().ensureVersion(version) }
        #expect(error?.code == code, "\(error?.message ?? "")")
        #expect(((try? FileTree.names(at: "\(data)/firecracker")) ?? []) == [])
    }

    @Test(
        "what is no version is refused",
        arguments: ["", "latest", "v1", "v1.16", "../v1.16.1", "v1.16.1/..", "v1.16.1-dev", "v1.16.١", "v01.x.2"])
    func versions(text: String) async throws {
        try await fails(text, .invalidFirecrackerVersion)
        #expect(server.requests.isEmpty)
    }

    @Test("a release that does not exist, or has no checksum, or a wrong one, is not installed")
    func unchecked() async throws {
        try await fails("v9.9.9", .releaseNotFound)
        server.fail(
            "/releases/download/v1.9.0/firecracker-v1.9.0-x86_64.tgz.sha256.txt", .status(404, headers: [:]))
        try await fails("v1.9.0", .checksumMissing)
        for text in ["", "not a digest", "\(sha256([1]))  another-file.tgz\n"] {
            try publish("v1.9.0", checksum: text)
            try await fails("v1.9.0", .checksumMissing)
        }
        try publish("v1.9.0", checksum: "\(sha256([1]))  firecracker-v1.9.0-x86_64.tgz\n")
        try await fails("v1.9.0", .checksumMismatch)
        server.redirect("/releases/latest", to: "/login")
        try await fails(nil, .releaseNotFound)
    }

    @Test("an archive that leads out of itself, or has not the programs, is not installed")
    func archives() async throws {
        let name = "release-v1.9.0-x86_64"
        try publish("v1.9.0", arguments: ["-P", "--transform", "s,snapshot-editor.*,../../x,", name])
        try await fails("v1.9.0", .invalidRelease)
        try publish("v1.9.0", arguments: ["-P", "--transform", "s,.*snapshot-editor.*,/tmp/smartvm-x,", name])
        try await fails("v1.9.0", .invalidRelease)
        #expect(!File.exists("/tmp/smartvm-x"))
        try publish("v1.9.0") { try FileTree.removeAll("\($0)/jailer-v1.9.0-x86_64") }
        try await fails("v1.9.0", .invalidRelease)
        try publish("v1.9.0") { root in
            try FileTree.removeAll("\(root)/jailer-v1.9.0-x86_64")
            try FileTree.makeSymbolicLink("\(root)/jailer-v1.9.0-x86_64", to: "/bin/true")
        }
        try await fails("v1.9.0", .invalidRelease)
        try publish("v1.9.0") { try File.write([], to: "\($0)/jailer-v1.9.0-x86_64") }
        try await fails("v1.9.0", .invalidRelease)
        let junk = Array("not an archive".utf8)
        server.put("/releases/download/v1.9.0/firecracker-v1.9.0-x86_64.tgz", .init(junk))
        server.put(
            "/releases/download/v1.9.0/firecracker-v1.9.0-x86_64.tgz.sha256.txt", .init("\(sha256(junk))\n"))
        try await fails("v1.9.0", .invalidRelease)
    }
}
