import Linux
import SmartVM
import Testing

/// The version that a program says, asked once for as long as the program is the same.
@Suite("A VMM's version")
struct VMMVersionTests {
    private func program(_ script: String, in directory: TestDirectory) throws -> VMM {
        let path = "\(directory.path)/firecracker"
        try File.replace(
            path, with: Array("#!/bin/sh\necho asked >> '\(directory.path)/asked'\n\(script)\n".utf8), mode: 0o700)
        return VMM(kind: .firecracker, path: path, reason: "")
    }

    private func timesAsked(_ directory: TestDirectory) -> Int {
        (try? File.readText("\(directory.path)/asked"))?.split(separator: "\n").count ?? 0
    }

    @Test("it is asked once, and again when the program has changed")
    func once() async throws {
        let directory = try TestDirectory()
        let data = DataDirectory(path: "\(directory.path)/data")
        try data.prepare()
        var vmm = try program("echo Firecracker v1.14.1", in: directory)
        for _ in 0..<3 { #expect(try await vmm.version(in: data) == FirecrackerVersion(1, 14, 1)) }
        #expect(timesAsked(directory) == 1)
        vmm = try program("echo Firecracker v1.16.0", in: directory)
        #expect(try await vmm.version(in: data) == FirecrackerVersion(1, 16, 0))
        #expect(timesAsked(directory) == 2)
        // What is written there by others does no harm.
        try File.write(Array("x\n\0\n1 2 3\n".utf8), to: "\(data.path)/vmm-versions")
        #expect(try await vmm.version(in: data) == FirecrackerVersion(1, 16, 0))
        #expect(timesAsked(directory) == 3)
    }

    @Test(
        "a program that is not a VMM is refused by name",
        arguments: ["echo hello", "exit 1", "echo Firecracker vNext", "kill -9 $$"])
    func refused(script: String) async throws {
        let directory = try TestDirectory()
        let vmm = try program(script, in: directory)
        await #expect {
            _ = try await vmm.version(in: DataDirectory(path: directory.path))
        } throws: { error in
            guard let error = error as? SmartVMError else { return false }
            return error.code == .vmmFailed && error.message.contains(vmm.path) && error.cure != nil
        }
    }

    @Test("a program that is not there")
    func missing() async throws {
        let vmm = VMM(kind: .firecracker, path: "/no/firecracker", reason: "")
        await #expect {
            _ = try await vmm.version(in: DataDirectory(path: "/tmp"))
        } throws: { error in
            (error as? SmartVMError)?.code == .vmmNotFound
        }
    }
}
