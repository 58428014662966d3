import Glibc
import GuestProtocol
import Linux
import NIOCore
import Testing

@testable import SmartVM

/// `smartvm config`, and that what it prints for firecracker is taken by a VMM.
@Suite("smartvm config", BootCapability.trait, .serialized, .timeLimit(.minutes(5)))
struct ConfigCommandTests {
    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let directory = "/tmp/smartvm-\(uniqueName("config"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        defer { try? FileTree.removeAll(directory) }
        try await body(directory)
    }

    @Test("check: a good file, from a path or standard input")
    func good() async throws {
        let text =
            #"{"bootSource": {"kernelImagePath": "/no/kernel"}, "machineConfig": {"vcpuCount": 2, "memSizeMib": 64}}"#
        let input = try await SmartVMProgram.run(["config", "check", "-"], input: text)
        #expect(input.status == 0 && input.standardOutput == "The configuration is good.\n", "\(input)")
        try await withDirectory { directory in
            let path = "\(directory)/vm.json"
            try File.write(Array(text.utf8), to: path)
            let file = try await SmartVMProgram.run(["config", "check", path])
            #expect(file.status == 0 && file.standardOutput == "\(path) is good.\n", "\(file)")
        }
    }

    @Test("check: every mistake on a line of its own, and 1")
    func mistakes() async throws {
        let text = #"{"machineConfig": {"vcpuCount": 0, "memSizeMb": 64}, "vsock": {"guestCid": 2, "udsPath": "/v"}}"#
        let result = try await SmartVMProgram.run(["config", "check", "-"], input: text)
        #expect(result.status == 1)
        #expect(
            result.standardOutput == """
                machineConfig.memSizeMb is not a known key; did you mean memSizeMib?
                bootSource.kernelImagePath is required
                machineConfig.vcpuCount must be between 1 and 32, not 0
                vsock.guestCid must be >= 3

                """)
        let json = try await SmartVMProgram.run(["config", "check", "--format", "json", "-"], input: text)
        #expect(json.status == 1)
        #expect(
            json.standardOutput.contains(#""valid" : false"#) && json.standardOutput.contains("guestCid must be >= 3"))
        let broken = try await SmartVMProgram.run(["config", "check", "-"], input: "{\n  \"id\": ,\n}")
        #expect(broken.status == 1)
        #expect(broken.standardOutput.contains("expected value at line 2 column 9"), "\(broken)")
        let missing = try await SmartVMProgram.run(["config", "check", "/no/vm.json"])
        #expect(missing.status == 125 && missing.standardError.contains("/no/vm.json"), "\(missing)")
    }

    @Test("check: what a release of Firecracker does not have, and what is broken in it")
    func versions() async throws {
        let text = #"{"image": "minimal", "networkInterfaces": [{"ifaceId": "eth0", "mtu": 1400}]}"#
        let old = try await SmartVMProgram.run(
            ["config", "check", "--firecracker-version", "v1.14.1", "-"], input: text)
        #expect(old.status == 1)
        #expect(old.standardOutput == "networkInterfaces[0].mtu needs Firecracker 1.16.0; this one is 1.14.1\n")
        let bad = try await SmartVMProgram.run(
            ["config", "check", "--firecracker-version", "1.16.0", "-"], input: text)
        #expect(bad.status == 0)
        #expect(bad.standardError.contains("Firecracker 1.16.0 breaks vsock after a snapshot is restored"), "\(bad)")
        let none = try await SmartVMProgram.run(
            ["config", "check", "--firecracker-version", "latest", "-"], input: text)
        #expect(none.status == 125 && none.standardError.contains("'latest' is not a version"), "\(none)")
    }

    @Test("show: the shortest form, which check takes again")
    func show() async throws {
        let text = #"{"image": "minimal", "drives": [], "machineConfig": {"smt": false}, "vsock": null}"#
        let result = try await SmartVMProgram.run(["config", "show", "-"], input: text)
        #expect(result.status == 0)
        let expected = #"{"image": "minimal", "machineConfig": {"vcpuCount": 1, "memSizeMib": 256}}"#
        #expect(
            try JSONValue(decoding: Array(result.standardOutput.utf8)) == JSONValue(decoding: Array(expected.utf8)))
        let wrong = try await SmartVMProgram.run(["config", "show", "-"], input: #"{"image": ""}"#)
        #expect(
            wrong.status == 1 && wrong.standardOutput.isEmpty && wrong.standardError.contains("image must not be empty")
        )
    }

    @Test("show --firecracker: what a file cannot say is refused")
    func unspeakable() async throws {
        let text =
            #"{"bootSource": {"kernelImagePath": "/k"}, "serial": {}, "networkInterfaces": [{"ifaceId": "eth0"}]}"#
        let result = try await SmartVMProgram.run(["config", "show", "--firecracker", "-"], input: text)
        #expect(result.status == 1 && result.standardOutput.isEmpty)
        #expect(result.standardError.contains("serial cannot be said"), "\(result)")
        #expect(result.standardError.contains("networkInterfaces[0].hostDevName is required"), "\(result)")
        let image = try await SmartVMProgram.run(
            ["config", "show", "--firecracker", "-"], input: #"{"image": "nosuchimage"}"#)
        #expect(image.status == 125 && image.standardError.contains("nosuchimage"), "\(image)")
    }

    @Test("show --firecracker: a VMM boots what is printed")
    func boot() async throws {
        _ = try await BaseImageManager(try DataDirectory()).ensureBaseImage()
        try await withDirectory { directory in
            try File.write([UInt8](repeating: 7, count: 1 << 20), to: "\(directory)/data")
            let text = """
                {"id": "shown", "image": "minimal", "machineConfig": {"memSizeMib": 192}, "vsock": {"udsPath": "\(directory)/v.sock"},
                 "drives": [{"driveId": "data", "pathOnHost": "\(directory)/data", "isReadOnly": true, "cacheType": "Writeback"}],
                 "balloon": {"amountMib": 0, "deflateOnOom": true}, "metrics": {"metricsPath": "\(directory)/metrics"},
                 "logger": {"logPath": "\(directory)/log", "level": "Info"}}
                """
            let shown = try await SmartVMProgram.run(["config", "show", "--firecracker", "-"], input: text)
            try #require(shown.status == 0, "\(shown)")
            #expect(shown.standardError.contains("--id shown"))
            try File.write(Array(shown.standardOutput.utf8), to: "\(directory)/fc.json")

            let vmm = try VMMSelection.qemu.resolve(in: try DataDirectory())
            let output = try Descriptor.open("\(directory)/output", O_WRONLY | O_CREAT)
            let null = try Descriptor.open("/dev/null", O_RDONLY)
            var spawn = Spawn(
                vmm.path, arguments: [vmm.path, "--no-api", "--config-file", "\(directory)/fc.json"])
            spawn.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
            spawn.workingDirectory = directory
            spawn.descriptors = [null.rawValue, output.rawValue, output.rawValue]
            let child = try spawn.start().child
            defer {
                child.kill(SIGKILL)
                _ = try? child.waitUntilExit()
            }
            let answer = try await shell("wc -c < /dev/vdb; head -c 1 /dev/vdb | od -An -tu1", in: directory, of: child)
            #expect(answer.split(whereSeparator: \.isWhitespace) == ["1048576", "7"], "\(answer)")
            #expect(try File.readText("\(directory)/log").contains("configured from one single json"))
        }
    }

    @Test("run --config: what the file says, changed by the options")
    func run() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/vm.json"
            try File.write(
                Array(#"{"hostname": "filed", "machineConfig": {"vcpuCount": 2, "memSizeMib": 128}}"#.utf8), to: path)
            let result = try await SmartVMProgram.run(
                [
                    "run", "--config", path, "--memory", "200", "--", "sh", "-c",
                    "hostname; nproc; free -m | awk '/Mem/ {print $2}'",
                ])
            #expect(result.status == 0, "\(result)")
            let lines = result.standardOutput.split(separator: "\n")
            #expect(lines.prefix(2) == ["filed", "2"])
            #expect(lines.last.flatMap { Int($0) }.map { (140...200).contains($0) } == true, "\(result)")

            try File.write(Array(#"{"machineConfig": {"vcpus": 2}}"#.utf8), to: path)
            let wrong = try await SmartVMProgram.run(["run", "--config", path, "--", "true"])
            #expect(wrong.status == 125 && wrong.standardError.contains("did you mean vcpuCount?"), "\(wrong)")
        }
    }

    /// What a shell command in the guest prints, once its agent takes commands.
    private func shell(_ text: String, in directory: String, of child: ChildProcess) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await GuestSocket.withConnection("\(directory)/v.sock", port: VsockPort.exec) {
                    reader, writer in
                    try await writer.write(ExecInput.start(ExecRequest(arguments: ["sh", "-c", text])))
                    let process = GuestProcess(reader: reader, writer: writer)
                    var output: [UInt8] = []
                    while let event = try await process.nextEvent() {
                        if case .standardOutput(let bytes) = event { output += bytes }
                    }
                    return String(decoding: output, as: UTF8.self)
                }
            } catch let error as SmartVMError {
                let words = try File.readText("\(directory)/output")
                try #require(ContinuousClock.now < deadline && child.isRunning, "\(error) \(words)")
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}
