import Glibc
import Linux
import Testing

/// What `smartvm run` answers to input that cannot work: 125, a sentence that names the thing, and nothing left.
@Suite("Bad input", BootCapability.trait, .serialized, .timeLimit(.minutes(15)))
struct BadInputTests {
    private func refused(
        _ arguments: [String], _ words: String..., dataDirectory: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let name = uniqueName("bad")
        let result = try await SmartVMProgram.run(
            ["run", "--name", name] + arguments + ["--", "true"], dataDirectory: dataDirectory)
        #expect(result.status == 125, sourceLocation: sourceLocation)
        for word in words {
            #expect(
                result.standardError.contains(word), "'\(word)' is not in: \(result.standardError)",
                sourceLocation: sourceLocation)
        }
        #expect(result.standardOutput.isEmpty, sourceLocation: sourceLocation)
        #expect(Traces.directories(name) == [] && Traces.processes(name) == [], sourceLocation: sourceLocation)
    }

    private func withFile(_ bytes: [UInt8], _ body: (String) async throws -> Void) async throws {
        let path = "/tmp/smartvm-\(uniqueName("file"))"
        try File.write(bytes, to: path)
        defer { unlink(path) }
        try await body(path)
    }

    @Test("names and files that are not there")
    func missing() async throws {
        try await refused(["nosuchimage"], "nosuchimage", "smartvm image")
        try await refused(["--kernel", "/no/kernel"], "/no/kernel", "No such file")
        try await refused(["--initrd", "/no/initrd"], "/no/initrd", "No such file")
        try await refused(["--rootfs", "/no/rootfs"], "/no/rootfs", "No such file")
        try await refused(["--vmm", "/no/vmm"], "/no/vmm")
        try await refused(["--env-file", "/no/env"], "/no/env")
    }

    @Test("files that are not what they should be")
    func wrongFiles() async throws {
        try await withFile(Array("no kernel at all".utf8) + [UInt8](repeating: 0, count: 4096)) { path in
            try await refused(["--kernel", path], path, "ELF")
        }
        try await withFile([UInt8](repeating: 7, count: 1 << 20)) { path in
            try await refused(["--rootfs", path], path, "file system")
        }
        try await withFile([]) { path in try await refused(["--rootfs", path], path) }
        try await refused(["--rootfs", "/tmp"], "/tmp")
        try await refused(["--kernel", "/tmp"], "/tmp")
    }

    @Test("memory, CPUs and names out of range")
    func ranges() async throws {
        try await refused(["--memory", "0"], "memSizeMib")
        try await refused(["--memory", "1"], "1 MiB", "--memory")
        try await refused(["--memory", "100000g"], "MiB")
        try await refused(["--memory", "lots"], "lots")
        try await refused(["--cpus", "0"], "vcpuCount")
        try await refused(["--cpus", "33"], "vcpuCount must be between 1 and 32")
        try await refused(["--hostname", "not a name"], "hostname must be")
        let result = try await SmartVMProgram.run(["run", "--name", "../x", "--", "true"])
        #expect(result.status == 125 && result.standardError.contains("id must be"))
    }

    @Test("a data directory that cannot be used")
    func dataDirectory() async throws {
        try await refused([], "/proc/nothing", "SMARTVM_DATA_DIR", dataDirectory: "/proc/nothing")
        try await withFile([]) { path in
            try await refused([], path, "SMARTVM_DATA_DIR", dataDirectory: "\(path)/below")
        }
    }

    @Test("a guest that panics: the console's last lines say so")
    func panic() async throws {
        // An archive without /init: the kernel finds no root and panics.
        try await withFile(Array("070701".utf8) + [UInt8](repeating: UInt8(ascii: "0"), count: 506)) { path in
            try await refused(["--initrd", path, "--boot-timeout", "60"], "Kernel panic")
        }
    }

    @Test("a guest that never answers: the deadline, with the console's last lines")
    func silence() async throws {
        try await refused(
            ["--boot-args", "console=ttyS0 smartvm.root=/dev/nosuch", "--boot-timeout", "4"], "did not answer",
            "console")
    }

    @Test("a mebibyte of environment arrives; a variable longer than Linux takes is refused with a sentence")
    func environment() async throws {
        let mebibyte = (0..<11).flatMap { ["--env", "V\($0)=" + String(repeating: "x", count: 100 << 10)] }
        let result = try await SmartVMProgram.run(["run"] + mebibyte + ["--", "sh", "-c", "echo ${#V0} ${#V10}"])
        #expect(result.status == 0 && result.standardOutput == "102400 102400\n", "\(result.standardError)")

        // The host's own limit is the same, so it comes from a file.
        try await withFile(Array("V=".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 300 << 10)) { path in
            let result = try await SmartVMProgram.run(["run", "--env-file", path, "--", "true"])
            #expect(result.status == 126)
            #expect(result.standardError.contains("rgument list too long"), "\(result.standardError)")
        }
    }

    @Test("without QEMU the package to install is named")
    func noQEMU() async throws {
        let record = try await SmartVMProgram.run(["run", "--vmm", "qemu", "--", "true"], path: "/nonexistent")
        #expect(record.status == 125)
        #expect(record.standardError.contains("apt-get install qemu-system-x86"), "\(record.standardError)")
    }

    @Test("a disk without space: a sentence, and nothing is left on it")
    func noSpace() async throws {
        let directory = "/tmp/smartvm-\(uniqueName("full"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        defer {
            umount2(directory, Int32(MNT_DETACH))
            rmdir(directory)
        }
        try #require(mount("tmpfs", directory, "tmpfs", 0, "size=20m") == 0)
        let result = try await SmartVMProgram.run(["run", "--", "true"], dataDirectory: directory)
        #expect(result.status == 125)
        #expect(result.standardError.contains("No space is left"), "\(result.standardError)")
        let files = try FileTree.names(at: "\(directory)/images").filter { !$0.hasSuffix(".lock") }
        #expect(files == [])
    }

    @Test("output that cannot be written is told, and ends the VM")
    func fullOutput() async throws {
        let name = uniqueName("devfull")
        let child = try SmartVMProgram.start(["run", "--name", name, "--", "yes"], output: "/dev/full")
        try #require(child.waitForEnd(timeout: .seconds(60)))
        #expect(try child.waitUntilExit() == .exited(125))
        #expect(Traces.directories(name) == [] && Traces.processes(name) == [])
    }

    @Test("options that do not exist, and commands without `--`, name themselves")
    func usage() async throws {
        let unknown = try await SmartVMProgram.run(["run", "--nosuch"])
        #expect(unknown.status == 125 && unknown.standardError.contains("--nosuch"))
        let bare = try await SmartVMProgram.run(["run", "minimal", "uname"])
        #expect(bare.status == 125 && bare.standardError.contains("uname"))
    }
}
