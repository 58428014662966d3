import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("The API's socket")
struct APIServerTests {
    /// A server whose loop is turned by hand, on the thread of the test.
    private final class Pump {
        let path = "/tmp/smartvm-api-\(getpid())-\(UInt64.random(in: 0 ..< .max)).sock"
        private let server: APIServer
        private let epoll: Epoll
        private(set) var paths: [String] = []

        init() throws {
            // As the program does: a client that has gone must not end the process.
            SignalMask.ignoreBrokenPipe()
            server = try APIServer(path: path, payloadLimit: 51200)
            epoll = try Epoll()
            try server.register(with: epoll)
        }

        deinit {
            unlink(path)
        }

        /// Handles whatever is ready.
        func turn() throws {
            var events: [Epoll.Event] = []
            while try epoll.wait(timeout: 0, { events.append($0) }) > 0 {
                for event in events {
                    server.handle(Int32(truncatingIfNeeded: event.token), event.events, epoll: epoll) { request in
                        paths.append(request.path)
                        return HTTPResponse(status: 200, body: Array("\"\(request.path)\"".utf8))
                    }
                }
                events = []
            }
        }

        func client() throws -> Descriptor {
            let client = try UnixSocket.connect(to: path, nonBlocking: true)
            try turn()
            return client
        }

        /// Sends, lets the server work, and reads what there is; nil if the server has closed.
        func exchange(_ text: String, over client: borrowing Descriptor) throws -> String? {
            if !text.isEmpty { try client.writeAll(Array(text.utf8)) }
            try turn()
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            do {
                let count = try bytes.withUnsafeMutableBytes { try client.read(into: $0) }
                return count == 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
            } catch let error as Errno where error == .wouldBlock {
                return ""
            }
        }
    }

    private func answer(_ body: String) -> String {
        "HTTP/1.1 200 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test("A connection serves request after request, pipelined ones in their order")
    func keepAlive() throws {
        let pump = try Pump()
        let client = try pump.client()
        #expect(try pump.exchange("GET /a HTTP/1.1\r\n\r\n", over: client) == answer("\"/a\""))
        #expect(try pump.exchange("GET /b HT", over: client) == "")
        #expect(
            try pump.exchange("TP/1.1\r\n\r\nGET /c HTTP/1.1\r\nConnection: close\r\n\r\n", over: client)
                == answer("\"/b\"") + answer("\"/c\""))
        #expect(try pump.exchange("", over: client) == "")
    }

    @Test("The eleventh client is turned away, and there is room again when one has left")
    func limit() throws {
        let pump = try Pump()
        var clients: [SharedDescriptor] = []
        for _ in 0..<10 { clients.append(SharedDescriptor(try pump.client())) }
        let eleventh = try pump.client()
        #expect(try pump.exchange("", over: eleventh)?.hasPrefix("HTTP/1.1 503 \r\n") == true)
        #expect(try pump.exchange("", over: eleventh) == nil)
        clients.removeLast()
        try pump.turn()
        let next = try pump.client()
        #expect(try pump.exchange("GET /a HTTP/1.1\r\n\r\n", over: next) == answer("\"/a\""))
    }

    @Test("A client that does not read holds up nobody, and gets all of its answers later")
    func slowClient() throws {
        let pump = try Pump()
        let slow = try pump.client()
        let request = "GET /\(String(repeating: "s", count: 900)) HTTP/1.1\r\n\r\n"
        var sent = 0
        // Until the server takes no more, because its answers are stuck.
        while (try? slow.writeAll(Array(request.utf8))) != nil, sent < 5000 {
            sent += 1
            try pump.turn()
        }
        let quick = try pump.client()
        #expect(try pump.exchange("GET /q HTTP/1.1\r\n\r\n", over: quick) == answer("\"/q\""))
        var received = 0
        while let text = try pump.exchange("", over: slow), !text.isEmpty { received += text.utf8.count }
        let served = pump.paths.count { $0.hasPrefix("/s") }
        #expect(received == served * answer("\"/\(String(repeating: "s", count: 900))\"").utf8.count)
        #expect(served >= sent)
    }

    @Test("The socket's path must be free")
    func occupiedPath() throws {
        let pump = try Pump()
        #expect(throws: Errno.addressInUse) { try APIServer(path: pump.path, payloadLimit: 1) }
    }
}
