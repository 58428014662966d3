import Glibc
import Linux
import Testing

@testable import SmartVM

/// The vsock device of smartvm-qemu with a guest that does what the host's end asks for.
@Suite("Connections with a guest", BootCapability.trait, .serialized, .timeLimit(.minutes(5)))
struct VsockTests {
    @Test("a thousand connections one after another, from either side, leave nothing behind")
    func oneAfterAnother() async throws {
        try await VsockGuest.with { guest in
            #expect(try await guest.echoes())
            let before = guest.descriptorCount
            let path = guest.path
            let good = try await onThread {
                try (0..<900).count { number in
                    let socket = try VsockHostSocket.ordering("sink 4", path)
                    try VsockPattern.withBytes(at: 0, count: 4) { try socket.write($0) }
                    return try socket.line() == "good 4\n" && socket.hasEnded()
                }
            }
            #expect(good == 900)
            let listener = try UnixSocket.listen(at: "\(path)_6000")
            try await guest.begin("for i in $(seq 100); do /tmp/peer call 6000 || echo failed; done")
            let value = listener.rawValue
            let called = try await onThread {
                try (0..<100).count { _ in
                    let socket = VsockHostSocket(try Self.accept(value))
                    try socket.order("source 5000")
                    return try socket.readPattern(5000) == 5000
                }
            }
            #expect(called == 100)
            #expect(try await guest.machine.shell("cat /tmp/said") == "")
            let isClean = try await eventually { guest.descriptorCount <= before }
            #expect(isClean, "\(guest.descriptorCount) descriptors, \(before) before")
        }
    }

    @Test("two hundred at once carry their own bytes both ways, whoever has called")
    func together() async throws {
        try await VsockGuest.with { guest in
            let path = guest.path
            let listener = try UnixSocket.listen(at: "\(path)_6000")
            let value = listener.rawValue
            let echoed = try await onThread {
                try Self.exchange(try (0..<200).map { _ in try VsockHostSocket.ordering("echo", path) })
            }
            #expect(echoed == 200)
            try await guest.begin("/tmp/peer call 6000 200")
            let called = try await onThread {
                let sockets = try (0..<200).map { _ in VsockHostSocket(try Self.accept(value)) }
                for socket in sockets { try socket.order("echo") }
                return try Self.exchange(sockets)
            }
            #expect(called == 200)
            #expect(try await guest.machine.shell("cat /tmp/said") == "")
        }
    }

    /// Sends each its own bytes, and counts those that give them back. All are open at once.
    private static func exchange(_ sockets: [VsockHostSocket]) throws -> Int {
        let size = 40_000
        for (number, socket) in sockets.enumerated() {
            try VsockPattern.withBytes(at: number * 1000, count: size) { try socket.write($0) }
        }
        let good = try sockets.enumerated().count { number, socket in
            var bytes: [UInt8] = []
            while bytes.count < size, case let piece = try socket.read(), !piece.isEmpty { bytes += piece }
            return bytes.withUnsafeBytes { $0.count == size && VsockPattern.matches($0, at: number * 1000) }
        }
        for socket in sockets { shutdown(socket.socket.rawValue, Int32(SHUT_RDWR)) }
        return good
    }

    private static func accept(_ listener: Int32) throws -> Linux.Descriptor {
        var wait = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        poll(&wait, 1, 30_000)
        return try UnixSocket.accept(listener, nonBlocking: false)
    }

    @Test("a gibibyte each way arrives as it was sent, through pauses of the machine")
    func gibibyte() async throws {
        try await VsockGuest.with { guest in
            let (path, size) = (guest.path, 1 << 30)
            let (fromGuest, pauses) = try await guest.withPauses {
                try await onThread { try VsockHostSocket.ordering("source \(size)", path).readPattern(size) }
            }
            #expect(fromGuest == size && pauses > 2, "\(pauses) pauses")
            let (answer, more) = try await guest.withPauses {
                try await onThread {
                    let socket = try VsockHostSocket.ordering("sink \(size)", path)
                    try socket.writePattern(size)
                    return try socket.line()
                }
            }
            #expect(answer == "good \(size)\n" && more > 2, "\(more) pauses")
        }
    }

    @Test("who does not read makes his own peer wait, and nobody else")
    func slow() async throws {
        try await VsockGuest.with { guest in
            let (path, size) = (guest.path, 32 << 20)
            #expect(try await guest.echoes())
            let before = guest.residentKiB
            // Hosts that do not read.
            let unread = try await onThread {
                try (0..<40).map { _ in try VsockHostSocket.ordering("source \(size)", path) }
            }
            try await Task.sleep(for: .seconds(1))
            #expect(try await guest.echoes("others go on"))
            let held = guest.residentKiB - before
            #expect(held < 40 << 10, "\(held) KiB more are resident")
            // A guest that does not read.
            let stalled = try await onThread { try VsockHostSocket.ordering("stall", path) }
            let taken = try await onThread {
                var limit = timeval(tv_sec: 1, tv_usec: 0)
                setsockopt(
                    stalled.socket.rawValue, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                var taken = 0
                let zeros = [UInt8](repeating: 0, count: 1 << 16)
                while taken < 64 << 20 {
                    let count = send(stalled.socket.rawValue, zeros, zeros.count, Int32(MSG_NOSIGNAL))
                    if count <= 0 { break }
                    taken += count
                }
                return taken
            }
            #expect(taken < 4 << 20, "a guest that does not read was sent \(taken) bytes")
            #expect(try await guest.echoes("others go on"))
            // Nothing was lost by waiting.
            let read = try await onThread { try unread[0].readPattern(size) }
            #expect(read == size)
        }
    }

    @Test("either side may close, half or altogether, in the middle of a stream too")
    func ends() async throws {
        try await VsockGuest.with { guest in
            let path = guest.path
            let before = guest.descriptorCount
            // The guest's half close is not passed on: the host can still send, and does.
            try await onThread {
                let socket = try VsockHostSocket.ordering("half 3000", path)
                let received = try socket.readPattern(3000)
                #expect(received == 3000)
                try socket.write([UInt8](repeating: 1, count: 1000))
            }
            // The host's shuts both directions, once all that it sent has arrived.
            let hasEnded = try await onThread {
                let socket = try VsockHostSocket.ordering("half 0", path)
                try socket.write([UInt8](repeating: 1, count: 200_000))
                shutdown(socket.socket.rawValue, Int32(SHUT_WR))
                return try socket.hasEnded()
            }
            #expect(hasEnded)
            var served = ""
            for _ in 0..<50 where served.split(separator: "\n").count < 2 {
                served = try await guest.machine.shell("cat /tmp/served")
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(Set(served.split(separator: "\n")) == ["half 1000", "half 200000"])
            // The host leaves a guest that sends; then a guest that dies leaves a host that reads.
            try await onThread { _ = try VsockHostSocket.ordering("source 999999999", path).readPattern(1 << 20) }
            #expect(try await guest.echoes())
            let count = try await onThread {
                let reader = try VsockHostSocket.ordering("source 999999999", path)
                _ = try reader.readPattern(1 << 20)
                _ = try VsockHostSocket.ordering("exit", path)
                return try reader.readPattern(999_999_999)
            }
            #expect(count < 999_999_999)
            let isClean = try await eventually { guest.descriptorCount <= before }
            #expect(isClean)
            let isRefused = try await eventually { (try? VsockHostSocket(path, port: 5000)) == nil }
            #expect(isRefused)
        }
    }

    @Test("1023 connections there may be; one more is closed without a word, until another has ended")
    func limit() async throws {
        try await VsockGuest.with { guest in
            let path = guest.path
            _ = try await guest.machine.shell("setsid /tmp/peer hold 5001 </dev/null >/dev/null 2>&1 &")
            _ = try await eventually(seconds: 30) { (try? VsockHostSocket(path, port: 5001)) != nil }
            ResourceLimit.raiseOpenFiles(to: 4096)
            let isFull = try await onThread {
                var held = try (0..<1023).compactMap { _ in try VsockHostSocket(path, port: 5001) }
                guard held.count == 1023, try VsockHostSocket(path, port: 5001) == nil else { return false }
                held.removeLast()
                var next: VsockHostSocket?
                for _ in 0..<100 where next == nil {
                    usleep(20_000)
                    next = try VsockHostSocket(path, port: 5001)
                }
                return next != nil && held.count == 1022
            }
            #expect(isFull)
            let isOpen = try await eventually { (try? VsockHostSocket(path, port: 5000)) != nil }
            #expect(isOpen)
        }
    }

    @Test("CONNECT in any case, with any white space, at once or in pieces; what else is said closes")
    func handshake() async throws {
        try await VsockGuest.with { guest in
            let path = guest.path
            let answers = try await onThread {
                try [
                    ["CONNECT 5000\n"], ["connect 5000\n"], ["Connect\t 5000 \n"], ["CONN", "ECT 50", "00\n"],
                    ["CONNECT 4999\n"], ["CONNECT 5000 x\n"], ["CONNECT -1\n"], ["CONNECT 4294967296\n"], ["CONNECT\n"],
                    ["\n"], ["GET / HTTP/1.1\r\n\r\n"], ["CONNECT 5000" + String(repeating: " ", count: 30) + "\n"],
                ].map { pieces in
                    let socket = VsockHostSocket(try UnixSocket.connect(to: path))
                    for piece in pieces {
                        try socket.write(Array(piece.utf8))
                        usleep(20_000)
                    }
                    return try String(socket.line().prefix(3))
                }
            }
            #expect(answers == Array(repeating: "OK ", count: 4) + Array(repeating: "", count: 8))
            let refused = try await guest.machine.shell("/tmp/peer call 6001; echo $?")
            #expect(refused == "connect: Connection reset by peer\n1\n")
        }
    }
}

extension Sequence {
    /// How many elements satisfy what may fail.
    fileprivate func count(where body: (Element) throws -> Bool) rethrows -> Int {
        try reduce(0) { try body($1) ? $0 + 1 : $0 }
    }
}
