import Glibc
import GuestProtocol
import Linux
import Testing

@testable import SmartVM

/// A guest that is played by the test, behind a socket as a VMM offers it.
private func withFakeGuest<Result>(
    takingCommand: Bool = true, _ play: @escaping @Sendable (borrowing Descriptor) throws -> Void,
    _ body: (String) async throws -> Result
) async throws -> Result {
    try await withTemporaryDirectory { root in
        let path = "\(root)/vsock.sock"
        let listener = try UnixSocket.listen(at: path, nonBlocking: false)
        let descriptor = listener.take()
        let guest = Task.detached {
            try await BlockingWork.run {
                let listener = Descriptor(owning: descriptor)
                let connection = try UnixSocket.accept(listener.rawValue, nonBlocking: false)
                var request = [UInt8](repeating: 0, count: 32)
                let count = try request.withUnsafeMutableBytes { try connection.read(into: $0) }
                #expect(String(decoding: request[..<count], as: UTF8.self) == "CONNECT 1024\n")
                try play(connection)
                guard takingCommand else { return }
                _ = try request.withUnsafeMutableBytes { try connection.read(into: $0) }
                // A connection that is closed with unread bytes in it is reset, and takes with it what was on the way.
                shutdown(connection.rawValue, Int32(SHUT_WR))
                _ = try? connection.readAll()
            }
        }
        let result = try await body(path)
        _ = await guest.result
        return result
    }
}

private func run(_ path: String, _ body: (GuestProcess) async throws -> Void) async throws {
    try await GuestSocket.withConnection(path, port: VsockPort.exec) { reader, writer in
        try await writer.write(ExecInput.start(ExecRequest(arguments: ["x"])))
        try await body(GuestProcess(reader: reader, writer: writer))
    }
}

@Suite("Commands in a guest, as the host sees them")
struct GuestProcessTests {
    private static let accepted = Array("OK 1073741824\n".utf8)

    @Test("output and the ending arrive in order")
    func output() async throws {
        try await withFakeGuest { connection in
            var bytes = Self.accepted
            try ExecOutput.started(pid: 7, monotonicMicroseconds: 1500).encode(into: &bytes)
            try ExecOutput.stdout(Array("hello".utf8)).encode(into: &bytes)
            try ExecOutput.stderr(Array("oops".utf8)).encode(into: &bytes)
            try ExecOutput.signaled(number: 9).encode(into: &bytes)
            try connection.writeAll(bytes)
        } _: { path in
            try await run(path) { process in
                var events: [GuestCommandEvent] = []
                while let event = try await process.nextEvent() { events.append(event) }
                #expect(
                    events == [
                        .started(pid: 7, guestUptime: .microseconds(1500)), .standardOutput(Array("hello".utf8)),
                        .standardError(Array("oops".utf8)), .ended(.signaled(9)),
                    ])
                let after = try await process.nextEvent()
                #expect(after == nil)
            }
        }
    }

    @Test("a guest that sends garbage is an error, whatever the garbage", arguments: 0..<50)
    func garbage(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let noise = (0..<Int.random(in: 6...4000, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
        try await withFakeGuest { connection in
            try connection.writeAll(Self.accepted + [1, 0, 0, 0, 0xff] + noise)
        } _: { path in
            let error = await #expect(throws: SmartVMError.self) {
                try await run(path) { process in while try await process.nextEvent() != nil {} }
            }
            #expect(error?.code == .guestProtocol)
        }
    }

    @Test("a guest that announces more than a frame may hold is not believed")
    func hugeFrame() async throws {
        try await withFakeGuest { connection in
            try connection.writeAll(Self.accepted + [0xff, 0xff, 0xff, 0x7f, FrameType.stdout.rawValue])
        } _: { path in
            let error = await #expect(throws: SmartVMError.self) {
                try await run(path) { process in while try await process.nextEvent() != nil {} }
            }
            #expect(error?.code == .guestProtocol)
        }
    }

    @Test("a guest that breaks off is an error and not an exit status")
    func breakOff() async throws {
        try await withFakeGuest { connection in
            try connection.writeAll(Self.accepted + ExecOutput.stdout(Array("par".utf8)).encoded())
        } _: { path in
            let error = await #expect(throws: SmartVMError.self) {
                try await run(path) { process in while try await process.nextEvent() != nil {} }
            }
            #expect(error?.code == .guestUnreachable)
        }
    }

    @Test("no listener in the guest, and no VMM, are told apart from each other")
    func unreachable() async throws {
        try await withFakeGuest { _ in
        } _: { path in
            let error = await #expect(throws: SmartVMError.self) { try await run(path) { _ in } }
            #expect(error?.description.contains("vsock port 1024") == true)
        }
        let error = await #expect(throws: SmartVMError.self) { try await run("/nonexistent/vsock.sock") { _ in } }
        #expect(error?.code == .guestUnreachable)
    }

    @Test("standard input waits for the guest's credit")
    func credit() async throws {
        let received = Received()
        try await withFakeGuest { connection in
            var bytes = Self.accepted
            try ExecOutput.stdinCredit(3).encode(into: &bytes)
            try connection.writeAll(bytes)
            var decoder = FrameDecoder()
            var buffer = [UInt8](repeating: 0, count: 4096)
            var granted = false
            while received.text.count < 6 {
                let count = try buffer.withUnsafeMutableBytes { try connection.read(into: $0) }
                if count == 0 { return }
                try buffer.withUnsafeBytes { view in
                    var rest = UnsafeRawBufferPointer(rebasing: view[..<count])
                    while let piece = try decoder.next(&rest) {
                        if case .data(.stdin, let bytes) = piece { received.append(bytes) }
                    }
                }
                if received.text.count == 3, !granted {
                    granted = true
                    try connection.writeAll(ExecOutput.stdinCredit(100).encoded())
                }
            }
            try connection.writeAll(ExecOutput.exited(status: 0).encoded())
        } _: { path in
            try await run(path) { process in
                let input = process.input
                let feeder = Task { try await input.write(Array("abcdef".utf8)) }
                while try await process.nextEvent() != nil {}
                try await feeder.value
            }
        }
        #expect(received.text == "abcdef")
    }
}

@Suite("Credit for standard input")
struct StandardInputCreditTests {
    @Test("a waiting writer is woken by credit, by the end, and by cancellation")
    func waking() async throws {
        let credit = StandardInputCredit()
        async let first = credit.take(upTo: 10)
        credit.grant(4)
        let granted = try await first
        #expect(granted == 4)

        let cancelled = Task { try await credit.take(upTo: 10) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }

        async let last = credit.take(upTo: 10)
        credit.close()
        let rest = try await last
        #expect(rest == 0)
    }
}
