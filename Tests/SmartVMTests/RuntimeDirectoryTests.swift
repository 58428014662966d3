import Glibc
import Linux
import Testing

@testable import SmartVM

@Suite("Runtime directories")
struct RuntimeDirectoryTests {
    @Test("a directory is private, and gone when it is removed")
    func lifetime() async throws {
        try await withTemporaryDirectory { root in
            let directories = RuntimeDirectories(dataDirectory: root)
            let directory = try directories.create("web")
            #expect(try FileStatus(of: directory.path).mode == 0o700)
            let path = directory.path
            directory.remove()
            #expect(!File.exists(path))
        }
    }

    @Test("a name that is in use is refused, and nothing of it is touched")
    func nameInUse() async throws {
        try await withTemporaryDirectory { root in
            let directories = RuntimeDirectories(dataDirectory: root)
            let directory = try directories.create("web")
            let error = #expect(throws: SmartVMError.self) { _ = try directories.create("web") }
            #expect(error?.code == .nameInUse)
            #expect(directories.reclaimAbandoned() == [])
            #expect(File.exists(directory.path))
            directory.remove()
        }
    }

    @Test("a socket path that Linux cannot hold is refused before anything is made")
    func longPath() async throws {
        try await withTemporaryDirectory { root in
            let deep = root + "/" + String(repeating: "d", count: 80)
            let error = #expect(throws: SmartVMError.self) {
                _ = try RuntimeDirectories(dataDirectory: deep).create("web")
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.description.contains("SMARTVM_DATA_DIR") == true)
            #expect(!File.exists(deep))
        }
    }

    @Test("what a killed owner leaves is taken back: process, its children, directory")
    func reclaim() async throws {
        try await withTemporaryDirectory { root in
            let abandoned = "\(root)/run/ghost"
            for path in ["\(root)/run", abandoned] { #expect(mkdir(path, 0o700) == 0) }
            try File.write([], to: "\(abandoned)/owner.lock")
            try File.write([], to: "\(abandoned)/api.sock")
            var spawn = Spawn("/bin/sh", arguments: ["sh", "-c", "sleep 1000 & sleep 1000"])
            spawn.environment = ["PATH=/usr/bin:/bin"]
            spawn.newSession = true
            let child = try spawn.start().child
            let identity = try ProcessIdentity(of: child.pid)
            try File.write(
                Array("\(identity.pid) \(identity.startTime) \(identity.bootID)\n".utf8), to: "\(abandoned)/process")
            var grandchild: Int32?
            _ = try await eventually {
                let text = try File.readText("/proc/\(child.pid)/task/\(child.pid)/children")
                grandchild = text.split(separator: " ").first.flatMap { Int32($0) }
                return grandchild != nil
            }
            let orphan = try ProcessIdentity(of: try #require(grandchild))

            #expect(RuntimeDirectories(dataDirectory: root).reclaimAbandoned() == ["ghost"])
            #expect(!File.exists(abandoned))
            #expect(try child.waitUntilExit() == .signaled(SIGKILL))
            #expect(orphan.open() == nil)
        }
    }

    @Test("a process that only has the pid of a killed VM's is left alone")
    func reusedPid() async throws {
        try await withTemporaryDirectory { root in
            let abandoned = "\(root)/run/ghost"
            for path in ["\(root)/run", abandoned] { #expect(mkdir(path, 0o700) == 0) }
            var spawn = Spawn("/bin/sleep", arguments: ["sleep", "1000"])
            spawn.newSession = true
            let child = try spawn.start().child
            let identity = try ProcessIdentity(of: child.pid)
            try File.write(
                Array("\(identity.pid) \(identity.startTime - 1) \(identity.bootID)\n".utf8), to: "\(abandoned)/process"
            )
            #expect(RuntimeDirectories(dataDirectory: root).reclaimAbandoned() == ["ghost"])
            #expect(child.isRunning)
            child.kill(SIGKILL)
            _ = try child.waitUntilExit()
        }
    }

    @Test("many at once never share a directory", arguments: [32])
    func parallel(count: Int) async throws {
        try await withTemporaryDirectory { root in
            let directories = RuntimeDirectories(dataDirectory: root)
            let created = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<count {
                    group.addTask {
                        guard let directory = try? directories.create("same") else { return false }
                        // Held long enough for the others to try.
                        try? await Task.sleep(for: .milliseconds(200))
                        directory.remove()
                        return true
                    }
                    group.addTask {
                        directories.reclaimAbandoned()
                        return false
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(created >= 1)
            let left = try FileTree.names(at: "\(root)/run")
            #expect(left == [".lock"])
        }
    }
}
