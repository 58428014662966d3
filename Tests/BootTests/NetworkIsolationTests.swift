import Glibc
import Linux
import Testing

@testable import SmartVM

/// What a guest may send and whom it reaches, told with the very frames. No guest is booted: the tests hold the VMM's ends of the TAPs.
@Suite("Network isolation", .serialized, .timeLimit(.minutes(5)))
struct NetworkIsolationTests {
    @Test("a guest sends under its own MAC address and its own IPv4 address alone")
    func spoofing() async throws {
        guard try await NetworkTestProcess.enter("NetworkIsolationTests/spoofing") else { return }
        let manager = try NetworkManager()
        let first = try await TapEnd(try await manager.createTap(vmId: "a", ifaceId: "eth0"), of: manager)
        let second = try await TapEnd(try await manager.createTap(vmId: "b", ifaceId: "eth0"), of: manager)
        let (mac, ip, other) = (first.mac, first.tap.guestIp, second.tap.guestIp)
        let stranger: [UInt8] = [2, 9, 9, 9, 9, 9]
        let packet = NetworkFrame.ipv4(from: ip, to: other, protocol: 17, NetworkFrame.udp(to: 7))
        func frame(_ source: [UInt8], _ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
            NetworkFrame.ethernet(from: source, to: NetworkFrame.broadcast, type: type, payload)
        }
        let forged = [
            "another MAC address": frame(stranger, 0x0800, packet),
            "the MAC address of another guest": frame(second.mac, 0x0800, packet),
            "another IPv4 address": frame(
                mac, 0x0800, NetworkFrame.ipv4(from: "172.30.0.99", to: other, protocol: 17, NetworkFrame.udp(to: 7))),
            "the gateway's IPv4 address": frame(
                mac, 0x0800, NetworkFrame.ipv4(from: "172.30.0.1", to: other, protocol: 17, NetworkFrame.udp(to: 7))),
            "no IPv4 address": frame(
                mac, 0x0800,
                NetworkFrame.ipv4(from: "0.0.0.0", to: "255.255.255.255", protocol: 17, NetworkFrame.udp(to: 67))),
            "ARP for another's IPv4 address": NetworkFrame.arp(
                source: mac, sender: mac, senderIP: "172.30.0.1", targetIP: other),
            "an ARP reply for the gateway": NetworkFrame.arp(
                source: mac, sender: mac, senderIP: "172.30.0.1", targetIP: other, isReply: true),
            "ARP that names another MAC address": NetworkFrame.arp(
                source: mac, sender: stranger, senderIP: ip, targetIP: other),
            "ARP from another MAC address": NetworkFrame.arp(
                source: stranger, sender: mac, senderIP: ip, targetIP: other),
            "IPv6": frame(mac, 0x86dd, [0x60] + [UInt8](repeating: 0, count: 59)),
            "a VLAN tag": frame(mac, 0x8100, [0, 5, 8, 0] + packet),
            "an unknown protocol": frame(mac, 0x88b5, [1, 2, 3, 4]),
            "a frame for bridges": NetworkFrame.ethernet(
                from: mac, to: [1, 0x80, 0xc2, 0, 0, 0], type: 0x0027, [0x42, 0x42, 3, 0, 0, 0, 0]),
        ]
        let marker = NetworkFrame.arp(source: mac, sender: mac, senderIP: ip, targetIP: other)
        _ = try second.received()
        for (what, forged) in forged {
            try first.send(forged)
            try first.send(marker)
            let frames = try await second.received { $0.starts(with: marker) }
            let mine = frames.filter { $0[6..<12] != manager.settings.bridgeAddress.bytes[...] }
            #expect(mine.count == 1, "\(what) has come through: \(mine)")
        }
        // What is honest comes through.
        let honest = frame(mac, 0x0800, packet)
        try first.send(honest)
        _ = try await second.received { $0.starts(with: honest.prefix(14 + packet.count)) }
        try await manager.cleanup()
        #expect(try await NetworkHost.traces(manager) == [])
    }

    @Test("of the host, guests reach the gateway's ping, DNS and what is opened; of the link-local addresses nothing")
    func host() async throws {
        guard try await NetworkTestProcess.enter("NetworkIsolationTests/host") else { return }
        // Each refusal is to be seen.
        try File.write(Array("0\n".utf8), to: "/proc/sys/net/ipv4/icmp_ratelimit")
        // An address of the host in another network, and a way to everywhere.
        _ = try await NetworkHost.ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
        _ = try await NetworkHost.ip("addr", "add", "198.51.100.2/24", "dev", "up0")
        _ = try await NetworkHost.ip("link", "set", "up0", "up")
        _ = try await NetworkHost.ip("route", "add", "default", "via", "198.51.100.1")
        let options = NetworkManagerOptions(openHostPorts: [9000], nameServers: ["198.51.100.53"])
        let manager = try NetworkManager(options)
        let guest = try await TapEnd(try await manager.createTap(vmId: "a", ifaceId: "eth0"), of: manager)
        let prohibited: [UInt8] = [3, 13]
        let portUnreachable: [UInt8] = [3, 3]

        try guest.send(to: "172.30.0.1", protocol: 1, NetworkFrame.echoRequest())
        #expect(try await guest.icmp() == [0, 0])
        for (address, port, answer) in [
            ("172.30.0.1", 53, portUnreachable), ("172.30.0.1", 9000, portUnreachable), ("172.30.0.1", 22, prohibited),
            ("172.30.0.1", 9001, prohibited), ("198.51.100.2", 53, prohibited), ("198.51.100.2", 9000, prohibited),
            ("169.254.169.254", 80, prohibited), ("169.254.1.1", 53, prohibited),
        ] as [(String, UInt16, [UInt8])] {
            try guest.send(to: address, protocol: 17, NetworkFrame.udp(to: port))
            #expect(try await guest.icmp() == answer, "\(address) \(port)")
        }
        try guest.send(to: "198.51.100.2", protocol: 1, NetworkFrame.echoRequest())
        #expect(try await guest.icmp() == prohibited)
        try await manager.cleanup()
    }

    @Test("networks do not reach each other, nor guests that are isolated; the gateway all of them do")
    func networks() async throws {
        guard try await NetworkTestProcess.enter("NetworkIsolationTests/networks") else { return }
        let manager = try NetworkManager()
        let isolated = try NetworkManager(
            NetworkManagerOptions(subnet: "172.31.0.0/24", bridgeName: "svbr1", isolatesGuests: true))
        let guest = try await TapEnd(try await manager.createTap(vmId: "a", ifaceId: "eth0"), of: manager)
        let first = try await TapEnd(try await isolated.createTap(vmId: "b", ifaceId: "eth0"), of: isolated)
        let second = try await TapEnd(try await isolated.createTap(vmId: "c", ifaceId: "eth0"), of: isolated)
        _ = try first.received()
        _ = try second.received()
        func isFrom(_ end: TapEnd, _ frame: [UInt8]) -> Bool {
            frame.count > 30 && frame[12...13] == [8, 0] && Array(frame[26..<30]) == NetworkFrame.ip(end.tap.guestIp)
                || Array(frame[6..<12]) == end.mac
        }

        try guest.send(to: first.tap.guestIp, protocol: 17, NetworkFrame.udp(to: 7))
        try guest.send(to: first.tap.guestIp, protocol: 1, NetworkFrame.echoRequest())
        try guest.send(to: "172.31.0.1", protocol: 1, NetworkFrame.echoRequest())
        #expect(try await guest.icmp() == [3, 13])
        try guest.send(to: "172.30.0.1", protocol: 1, NetworkFrame.echoRequest())
        #expect(try await guest.icmp() == [0, 0])

        let request = NetworkFrame.arp(
            source: first.mac, sender: first.mac, senderIP: first.tap.guestIp, targetIP: "172.31.0.1")
        try first.send(request)
        try first.send(to: second.tap.guestIp, protocol: 17, NetworkFrame.udp(to: 7))
        try first.send(to: "172.31.0.1", protocol: 1, NetworkFrame.echoRequest())
        #expect(try await first.icmp() == [0, 0])
        for frame in try second.received() { #expect(!isFrom(first, frame), "\(frame)") }
        for frame in try first.received() { #expect(!isFrom(guest, frame), "\(frame)") }
        try await manager.cleanup()
        #expect(try NetworkHost.forwards())
        try await isolated.cleanup()
        #expect(try NetworkHost.interfaces() == [])
    }
}
