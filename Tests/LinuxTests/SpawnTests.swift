import Glibc
import Linux
import Testing

@Suite("Spawn")
struct SpawnTests {
    @Test("runs a program with its own descriptors and reaps it")
    func runs() throws {
        let pipe = try Pipe()
        var spawn = Spawn("/bin/sh", arguments: ["sh", "-c", "echo $GREETING; exit 3"])
        spawn.environment = ["GREETING=hello"]
        spawn.descriptors = [-1, pipe.write.rawValue, 2]
        let started = try spawn.start()
        #expect(try started.child.waitUntilExit() == .exited(3))
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = try buffer.withUnsafeMutableBytes { try pipe.read.read(into: $0) }
        #expect(String(decoding: buffer[..<count], as: UTF8.self) == "hello\n")
    }

    @Test("names the step that fails")
    func failure() {
        let missing = Spawn("/no/such/program", arguments: ["x"])
        #expect(throws: Spawn.Failure(stage: .execute, errno: .noSuchFile)) { _ = try missing.start() }
        var nowhere = Spawn("/bin/true", arguments: ["true"])
        nowhere.workingDirectory = "/no/such/directory"
        #expect(throws: Spawn.Failure(stage: .workingDirectory, errno: .noSuchFile)) { _ = try nowhere.start() }
    }

    @Test("a gated child waits for leave, and reports a failing exec")
    func gate() throws {
        let gated = try Spawn("/bin/sleep", arguments: ["sleep", "60"]).startGated()
        let child = gated.child
        #expect(try File.readText("/proc/\(child.pid)/cmdline").hasPrefix("sleep") == false)
        try gated.release()
        #expect(try File.readText("/proc/\(child.pid)/cmdline").hasPrefix("sleep"))
        child.kill(SIGKILL)
        #expect(try child.waitUntilExit() == .signaled(SIGKILL))

        let missing = try Spawn("/no/such/program", arguments: ["x"]).startGated()
        let ghost = missing.child
        #expect(failure(ofReleasing: missing) == Spawn.Failure(stage: .execute, errno: .noSuchFile))
        #expect(try ghost.waitUntilExit() == .exited(127))
    }

    private func failure(ofReleasing gated: consuming Spawn.Gated) -> Spawn.Failure? {
        do throws(Spawn.Failure) {
            try gated.release()
            return nil
        } catch {
            return error
        }
    }

    @Test("a gated child ends when its starter forgets it")
    func abandonedGate() throws {
        let child: ChildProcess
        do {
            let gated = try Spawn("/bin/sleep", arguments: ["sleep", "60"]).startGated()
            child = gated.child
        }
        #expect(child.waitForEnd(timeout: .seconds(5)))
        #expect(try child.waitUntilExit() == .exited(127))
    }

    @Test("a pid is told from its reuse by the start time")
    func identity() throws {
        let child = try Spawn("/bin/sleep", arguments: ["sleep", "60"]).start().child
        var identity = try ProcessIdentity(of: child.pid)
        #expect(identity.open() != nil)
        identity.startTime += 1
        #expect(identity.open() == nil)
        child.kill(SIGKILL)
        _ = try child.waitUntilExit()
    }
}
