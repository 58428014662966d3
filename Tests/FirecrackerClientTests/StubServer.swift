import Glibc
import Linux
import Synchronization

/// A server on a Unix socket that keeps what it is sent and answers what it was told to, on a thread of its own.
final class StubServer: Sendable {
    /// What to do with one request.
    enum Reply: Sendable {
        case send(String)
        /// Sent in two writes, so that the client reads the head without the body.
        case sendInPieces(String, String)
        /// Nothing, ever.
        case silence
        case close
    }

    struct State {
        var requests: [String] = []
        var connections = 0
        var closed = 0
    }

    let path: String
    private let state = Mutex(State())
    private let listener: Descriptor
    private let replies: @Sendable (_ request: String, _ index: Int) -> Reply

    init(_ replies: @escaping @Sendable (_ request: String, _ index: Int) -> Reply) throws {
        path = "/tmp/smartvm-stub-\(getpid())-\(UInt64.random(in: 0 ..< .max)).sock"
        listener = try UnixSocket.listen(at: path, nonBlocking: false)
        self.replies = replies
    }

    deinit {
        unlink(path)
    }

    var requests: [String] { state.withLock { $0.requests } }
    var connections: Int { state.withLock { $0.connections } }
    var closed: Int { state.withLock { $0.closed } }

    /// Runs a body against the served socket.
    func serving<Result>(_ body: (StubServer) async throws -> Result) async throws -> Result {
        let thread = try ServerThread { [self] in serve() }
        defer {
            // Wakes the thread out of accept(2).
            shutdown(listener.rawValue, Int32(SHUT_RDWR))
            thread.join()
        }
        return try await body(self)
    }

    private func serve() {
        while let client = try? UnixSocket.accept(listener.rawValue, nonBlocking: false) {
            state.withLock { $0.connections += 1 }
            serve(client)
            state.withLock { $0.closed += 1 }
        }
    }

    private func serve(_ client: consuming Descriptor) {
        var buffer = ""
        while let request = Self.takeRequest(&buffer, client) {
            let index = state.withLock {
                $0.requests.append(request)
                return $0.requests.count - 1
            }
            switch replies(request, index) {
            case .send(let text): try? client.writeAll(Array(text.utf8))
            case .sendInPieces(let first, let second):
                try? client.writeAll(Array(first.utf8))
                usleep(20_000)
                try? client.writeAll(Array(second.utf8))
            case .silence: break
            case .close: return
            }
        }
    }

    /// The next request with its body, nil when the client has closed.
    private static func takeRequest(_ buffer: inout String, _ client: borrowing Descriptor) -> String? {
        while true {
            if let end = buffer.range(of: "\r\n\r\n") {
                let length = buffer[..<end].split(separator: "\r\n").lazy.compactMap { line -> Int? in
                    guard line.lowercased().hasPrefix("content-length:") else { return nil }
                    return Int(line.dropFirst(15).drop { $0 == " " })
                }.first
                let bodyStart = buffer.utf8.index(end, offsetBy: 4)
                let size = length ?? 0
                if buffer.utf8.distance(from: bodyStart, to: buffer.endIndex) >= size {
                    let requestEnd = buffer.utf8.index(bodyStart, offsetBy: size)
                    let request = String(buffer[..<requestEnd])
                    buffer = String(buffer[requestEnd...])
                    return request
                }
            }
            var bytes = [UInt8](repeating: 0, count: 4096)
            guard let count = try? bytes.withUnsafeMutableBytes({ try client.read(into: $0) }), count > 0 else {
                return nil
            }
            buffer += String(decoding: bytes[..<count], as: UTF8.self)
        }
    }
}

extension String {
    /// The place of the first occurrence of an ASCII text.
    fileprivate func range(of text: StaticString) -> String.Index? {
        let wanted = text.withUTF8Buffer { Array($0) }
        let bytes = Array(utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count) where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            return utf8.index(startIndex, offsetBy: start)
        }
        return nil
    }
}

/// A thread that can be waited for.
final class ServerThread: Sendable {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    private let thread: pthread_t

    init(_ body: @escaping @Sendable () -> Void) throws(Errno) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let result = pthread_create(
            &thread, nil,
            { pointer in
                if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        guard result == 0 else {
            work.release()
            throw Errno(rawValue: result)
        }
        self.thread = thread
    }

    func join() {
        pthread_join(thread, nil)
    }
}
