import Glibc
import Linux

/// A socket of a test's: whatever it waits for has a deadline.
final class Peer {
    let socket: Descriptor

    init(_ socket: consuming Descriptor) {
        self.socket = socket
    }

    static func loopback(_ port: UInt16 = 0, host: UInt8 = 1) -> SocketAddress {
        SocketAddress(address: [127, 0, 0, host], port: port)
    }

    static func connect(to address: SocketAddress) throws -> Peer {
        let peer = Peer(try InternetSocket.startConnecting(.tcp, to: address))
        _ = wait(peer.socket.rawValue, .writable, seconds: 20)
        if let error = InternetSocket.takeError(of: peer.socket.rawValue) { throw error }
        return peer
    }

    static func accept(_ listener: borrowing Descriptor) throws -> Peer {
        _ = wait(listener.rawValue, .readable, seconds: 20)
        return Peer(try UnixSocket.accept(listener.rawValue))
    }

    enum Readiness {
        case readable, writable
    }

    static func wait(_ descriptor: Int32, _ readiness: Readiness, seconds: Double) -> Bool {
        var set = pollfd(fd: descriptor, events: Int16(readiness == .readable ? POLLIN : POLLOUT), revents: 0)
        return poll(&set, 1, Int32(seconds * 1000)) > 0
    }

    func read(upTo count: Int = 64 << 10, seconds: Double = 20) throws -> [UInt8] {
        guard Self.wait(socket.rawValue, .readable, seconds: seconds) else { throw Errno.timedOut }
        var bytes = [UInt8](repeating: 0, count: count)
        let number = socket.rawValue
        let got = try systemCall { bytes.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) } }
        return Array(bytes.prefix(got))
    }

    func readAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try read()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    func write(_ bytes: [UInt8], seconds: Double = 20) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard Self.wait(socket.rawValue, .writable, seconds: seconds) else { throw Errno.timedOut }
            rest = rest.dropFirst(try socket.writeSome(Array(rest.prefix(64 << 10))))
        }
    }

    func endSending() {
        InternetSocket.endSending(socket.rawValue)
    }
}
