import Glibc
import Linux

@testable import SmartVM

/// A guest in which `vsock-peer` serves connections at port 5000.
struct VsockGuest {
    let machine: VMMProgram

    var path: String { machine.vsockPath }

    /// Boots one for the time of `body`.
    static func with(memoryMiB: UInt = 256, _ body: (VsockGuest) async throws -> Void) async throws {
        let machine = try await VMMProgram()
        do {
            try await machine.configure(drives: [try await program(in: machine.directory)], memoryMiB: memoryMiB)
            let guest = VsockGuest(machine: machine)
            _ = try await machine.shell(
                "cat /dev/vdb > /tmp/peer; chmod +x /tmp/peer; setsid /tmp/peer serve 5000 </dev/null >/tmp/served 2>&1 &"
            )
            let path = guest.path
            _ = try await eventually(seconds: 30) { (try? VsockHostSocket(path, port: 5000)) != nil }
            try await body(guest)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }

    /// The program as a drive: whole blocks long.
    private static func program(in directory: String) async throws -> Drive {
        let path = "\(directory)/peer"
        try await GuestProgram.compile("vsock-peer", to: path)
        let size = Int(try FileStatus(of: path).size)
        try systemCall { truncate(path, (size + 4095) & ~4095) }
        return Drive(driveId: "peer", isRootDevice: false, isReadOnly: true, pathOnHost: path)
    }

    /// Starts a shell command in the guest, whose output goes to /tmp/said.
    func begin(_ text: String) async throws {
        _ = try await machine.shell("setsid sh -c '\(text)' </dev/null >/tmp/said 2>&1 &")
    }

    /// What is sent comes back.
    func echoes(_ text: String = "ping") async throws -> Bool {
        let path = path
        return try await onThread {
            let socket = try VsockHostSocket.ordering("echo", path)
            try socket.write(Array(text.utf8))
            var answer: [UInt8] = []
            while answer.count < text.utf8.count, case let piece = try socket.read(), !piece.isEmpty { answer += piece }
            return answer == Array(text.utf8)
        }
    }

    /// How many descriptors smartvm-qemu has.
    var descriptorCount: Int { (try? FileTree.names(at: "/proc/\(machine.child.pid)/fd").count) ?? 0 }

    /// What smartvm-qemu holds in memory, in KiB.
    var residentKiB: Int {
        let status = (try? File.readText("/proc/\(machine.child.pid)/status")) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } } ?? 0
    }

    /// Pauses and resumes, again and again, until `work` is done.
    func withPauses<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> (
        Result, pauses: Int
    ) {
        let client = machine.client
        return try await withThrowingTaskGroup(of: (Result?, Int).self) { group in
            group.addTask {
                var pauses = 0
                while !Task.isCancelled {
                    try await client.send(.setVMState(.paused))
                    try? await Task.sleep(for: .milliseconds(20))
                    try await client.send(.setVMState(.resumed))
                    pauses += 1
                    try? await Task.sleep(for: .milliseconds(300))
                }
                return (nil, pauses)
            }
            group.addTask { (try await work(), 0) }
            var result: Result?
            var pauses = 0
            while let (done, count) = try await group.next() {
                if let done {
                    result = done
                    group.cancelAll()
                }
                pauses += count
            }
            guard let result else { throw CancellationError() }
            return (result, pauses)
        }
    }
}
