import Glibc
import Linux
import Testing

@testable import SmartVM

/// Ethernet frames as a guest would send them.
enum NetworkFrame {
    static let broadcast = [UInt8](repeating: 0xff, count: 6)

    static func mac(_ text: String) throws -> [UInt8] { try MACAddress(text).bytes }

    static func ip(_ text: String) -> [UInt8] { text.split(separator: ".").compactMap { UInt8($0) } }

    static func ethernet(from source: [UInt8], to destination: [UInt8], type: UInt16, _ payload: [UInt8]) -> [UInt8] {
        let frame = destination + source + big(type) + payload
        return frame + [UInt8](repeating: 0, count: max(0, 60 - frame.count))
    }

    /// - Parameters:
    ///   - source: The sender of the frame; `sender` and `senderIP` are what the message says.
    static func arp(
        source: [UInt8], sender: [UInt8], senderIP: String, targetIP: String, isReply: Bool = false
    ) -> [UInt8] {
        let message: [UInt8] =
            [0, 1, 8, 0, 6, 4, 0, isReply ? 2 : 1] + sender + ip(senderIP) + [0, 0, 0, 0, 0, 0] + ip(targetIP)
        return ethernet(from: source, to: broadcast, type: 0x0806, message)
    }

    /// A packet with the checksum of its header.
    static func ipv4(from source: String, to destination: String, protocol number: UInt8, _ payload: [UInt8]) -> [UInt8]
    {
        var header: [UInt8] =
            [0x45, 0] + big(UInt16(20 + payload.count)) + [0, 1, 0, 0, 64, number, 0, 0] + ip(source) + ip(destination)
        header.replaceSubrange(10..<12, with: big(checksum(header)))
        return header + payload
    }

    /// Without a checksum, which UDP over IPv4 allows.
    static func udp(to port: UInt16) -> [UInt8] { big(40_000) + big(port) + big(12) + [0, 0] + Array("test".utf8) }

    static func echoRequest() -> [UInt8] {
        var message: [UInt8] = [8, 0, 0, 0, 0, 7, 0, 1]
        message.replaceSubrange(2..<4, with: big(checksum(message)))
        return message
    }

    private static func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }

    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum = stride(from: 0, to: bytes.count, by: 2).reduce(UInt32(0)) {
            $0 + UInt32(bytes[$1]) << 8 + UInt32(bytes[$1 + 1])
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        return ~UInt16(sum)
    }
}

/// The VMM's end of a TAP: what is written to it comes from the guest.
final class TapEnd {
    /// The header that a TAP of a VMM puts before each frame.
    private static let header = [UInt8](repeating: 0, count: 10)
    let tap: NetworkTap
    let mac: [UInt8]
    private let gatewayMAC: [UInt8]
    private let descriptor: Descriptor

    /// Opens it, and returns when the bridge forwards its frames, which is a moment later.
    init(_ tap: NetworkTap, of manager: NetworkManager) async throws {
        self.tap = tap
        gatewayMAC = manager.settings.bridgeAddress.bytes
        mac = try NetworkFrame.mac(tap.mac)
        descriptor = try Linux.TapDevice.open(tap.tapName)
        let request = NetworkFrame.arp(source: mac, sender: mac, senderIP: tap.guestIp, targetIP: tap.gatewayIp)
        let answered = try await eventually {
            try send(request)
            return try received().contains { $0[12] == 8 && $0[13] == 6 && Array($0[6..<12]) == gatewayMAC }
        }
        #expect(answered, "the gateway does not answer")
    }

    func send(_ frame: [UInt8]) throws {
        try descriptor.writeAll(Self.header + frame)
    }

    /// Sends a packet to the gateway's MAC address.
    func send(to destination: String, from source: String? = nil, protocol number: UInt8, _ payload: [UInt8]) throws {
        let packet = NetworkFrame.ipv4(from: source ?? tap.guestIp, to: destination, protocol: number, payload)
        try send(NetworkFrame.ethernet(from: mac, to: gatewayMAC, type: 0x0800, packet))
    }

    /// All frames that have come, without waiting.
    func received() throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let frame = try read() { frames.append(Array(frame.dropFirst(Self.header.count))) }
        return frames
    }

    /// The frames up to the first one that `isLast` accepts, which must come within a few seconds.
    func received(until isLast: ([UInt8]) -> Bool) async throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            for frame in try received() {
                frames.append(frame)
                if isLast(frame) { return frames }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("the frame that was waited for did not come; others: \(frames)")
        return frames
    }

    /// The ICMP message that answers: its type and code.
    func icmp() async throws -> [UInt8] {
        let frames = try await received(until: Self.isMessage)
        return frames.last(where: Self.isMessage).map { Array($0[34...35]) } ?? []
    }

    private static func isMessage(_ frame: [UInt8]) -> Bool {
        frame.count > 36 && frame[12] == 8 && frame[13] == 0 && frame[23] == 1
    }

    private func read() throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor.rawValue, &buffer, 4096)
        if count >= 0 { return Array(buffer.prefix(count)) }
        let error = Errno.current
        if error == .wouldBlock { return nil }
        throw error
    }
}
