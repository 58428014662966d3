import Glibc
import Linux

@testable import SmartVM

/// The host's end of a connection with the guest. It waits inside system calls, for at most half a minute, so that it is used from threads
/// of its own: see ``onThread(_:)``.
final class VsockHostSocket: Sendable {
    let socket: Linux.Descriptor

    struct Failure: Error {
        var sentence: String
    }

    init(_ socket: consuming Linux.Descriptor) {
        self.socket = socket
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(self.socket.rawValue, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// To a port of the guest; nil if it is refused, which is told by an end without a word.
    convenience init?(_ path: String, port: UInt32) throws {
        self.init(try UnixSocket.connect(to: path))
        // One that is one too many may be closed before it has said anything.
        guard (try? write(Array("CONNECT \(port)\n".utf8))) != nil, try line().hasPrefix("OK ") else { return nil }
    }

    /// To a peer at a port, which is told what to do.
    static func ordering(_ order: String, _ path: String, port: UInt32 = 5000) throws -> VsockHostSocket {
        guard let socket = try VsockHostSocket(path, port: port) else {
            throw Failure(sentence: "port \(port) is refused")
        }
        try socket.order(order)
        return socket
    }

    func order(_ text: String) throws {
        try write(Array((text + String(repeating: " ", count: 24 - text.utf8.count)).utf8))
    }

    func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var start = 0
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let count = send(socket.rawValue, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(sentence: "sending: \(String(cString: strerror(errno)))") }
            start += count
        }
    }

    /// What is there, at most `count` bytes; empty at the end, also if that is a reset.
    func read(_ count: Int = 1 << 18) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let length = recv(socket.rawValue, &bytes, count, 0)
        guard length >= 0 || errno == ECONNRESET else {
            throw Failure(sentence: "receiving: \(String(cString: strerror(errno)))")
        }
        return Array(bytes.prefix(max(0, length)))
    }

    /// Up to the line's end, or as much as comes before the end.
    func line() throws -> String {
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n"), case let byte = try read(1), !byte.isEmpty { line += byte }
        return String(decoding: line, as: UTF8.self)
    }

    func writePattern(_ count: Int) throws {
        var place = 0
        while place < count {
            let piece = min(1 << 18, count - place)
            try VsockPattern.withBytes(at: place, count: piece) { try write($0) }
            place += piece
        }
    }

    /// Takes `count` bytes of the pattern, or what comes before the end: how many were right.
    func readPattern(_ count: Int) throws -> Int {
        var place = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while place < count {
            let length = recv(socket.rawValue, buffer.baseAddress, min(buffer.count, count - place), 0)
            if length <= 0 { break }
            guard VsockPattern.matches(UnsafeRawBufferPointer(rebasing: buffer[..<length]), at: place) else { break }
            place += length
        }
        return place
    }

    /// Whether everything ends within the time that a read waits.
    func hasEnded() throws -> Bool {
        while try !read().isEmpty {}
        return true
    }
}

/// Does what waits, off Swift's own threads.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        do {
            try Linux.Thread("test") { continuation.resume(with: Swift.Result { try body() }) }.detach()
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
