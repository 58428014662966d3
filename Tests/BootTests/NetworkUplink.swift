import Glibc
import Linux
import Testing

@testable import SmartVM

/// The world beyond the host: a process in a network namespace of its own, joined to that of the test by a pair of interfaces. It has the
/// addresses 198.51.100.1 and 198.51.100.9, answers HTTP with the address that asks, and each question of DNS with its own address; and it has 169.254.169.254
/// too, as a cloud's metadata service has.
struct NetworkUplink {
    static let role = "uplink"
    private let child: ChildProcess

    /// Starts the process, and gives the test's namespace the address 198.51.100.2 and a default route.
    ///
    /// - Parameter test: One that calls ``serve(_:)`` when its role says so.
    init(_ test: String, directory: String) async throws {
        let ready = "\(directory)/uplink"
        child = try NetworkTestProcess.start(
            test, role: "\(Self.role) \(ready)", wrapper: ["unshare", "-n", "--"], output: "\(directory)/uplink.log")
        #expect(try await eventually(seconds: 30) { File.exists("\(ready).begun") })
        _ = try await NetworkHost.ip(
            "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", "\(child.pid)")
        _ = try await NetworkHost.ip("addr", "add", "198.51.100.2/24", "dev", "up0")
        _ = try await NetworkHost.ip("link", "set", "up0", "up")
        _ = try await NetworkHost.ip("link", "set", "lo", "up")
        _ = try await NetworkHost.ip("route", "add", "default", "via", "198.51.100.1")
        #expect(try await eventually(seconds: 30) { File.exists("\(ready).serving") })
    }

    func end() {
        child.kill(SIGKILL)
        _ = try? child.waitUntilExit()
    }

    /// What the process does, until it is killed or its parent ends.
    static func serve(_ ready: String) async throws {
        let parent = getppid()
        try File.write([], to: "\(ready).begun")
        #expect(
            try await eventually(seconds: 30) {
                var socket = try NetlinkSocket()
                return try socket.link(named: "up1") != nil
            })
        _ = try await NetworkHost.ip("addr", "add", "198.51.100.1/24", "dev", "up1")
        _ = try await NetworkHost.ip("addr", "add", "198.51.100.9/24", "dev", "up1")
        _ = try await NetworkHost.ip("link", "set", "up1", "up")
        _ = try await NetworkHost.ip("link", "set", "lo", "up")
        _ = try await NetworkHost.ip("addr", "add", "169.254.169.254/32", "dev", "lo")
        let web = try listen(SOCK_STREAM, port: 80)
        let names = try listen(SOCK_DGRAM, port: 53)
        try File.write([], to: "\(ready).serving")
        while getppid() == parent {
            var polled = [web, names].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, 2, 1000) > 0 else { continue }
            if polled[0].revents != 0 { answerWeb(web) }
            if polled[1].revents != 0 { answerName(names) }
        }
    }

    /// A socket on all addresses.
    static func listen(_ type: __socket_type, port: UInt16) throws -> Int32 {
        let descriptor = try systemCall { socket(AF_INET, Int32(type.rawValue), 0) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = try systemCall { bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
        }
        if type == SOCK_STREAM { try systemCall { Glibc.listen(descriptor, 16) } }
        return descriptor
    }

    private static func answerWeb(_ listener: Int32) {
        var peer = sockaddr_in()
        let connection = withAddress(&peer) { accept(listener, $0, $1) }
        guard connection >= 0 else { return }
        var request = [UInt8](repeating: 0, count: 4096)
        _ = recv(connection, &request, request.count, 0)
        let body = "peer \(Subnet.text(UInt32(bigEndian: peer.sin_addr.s_addr)))\n"
        let answer = Array("HTTP/1.0 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
        _ = Glibc.send(connection, answer, answer.count, 0)
        close(connection)
    }

    /// The question once more, as an answer; with an A record if that was asked for.
    private static func answerName(_ socket: Int32) {
        var peer = sockaddr_in()
        var query = [UInt8](repeating: 0, count: 512)
        let count = query.withUnsafeMutableBytes { bytes in
            withAddress(&peer) { recvfrom(socket, bytes.baseAddress, bytes.count, 0, $0, $1) }
        }
        guard count > 16, let end = query[12..<count].firstIndex(of: 0), end + 5 <= count else { return }
        let isAddress = query[end + 2] == 1
        var answer = Array(query[..<(end + 5)])
        answer.replaceSubrange(2..<12, with: [0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0])
        if isAddress { answer += [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 1] }
        withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(socket, answer, answer.count, 0, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func withAddress<Result>(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }
}
