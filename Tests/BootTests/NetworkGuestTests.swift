import Glibc
import Linux
import Testing

@testable import SmartVM

/// Real packets of real guests.
@Suite("Guests in a network", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct NetworkGuestTests {
    @Test("two guests reach the gateway, each other, the world under the host's address, and names; nothing else")
    func packets() async throws {
        let test = "NetworkGuestTests/packets"
        if let role = NetworkTestProcess.role, role.hasPrefix(NetworkUplink.role) {
            return try await NetworkUplink.serve(String(role.dropFirst(NetworkUplink.role.count + 1)))
        }
        guard try await NetworkTestProcess.enter(test) else { return }
        try await withDirectory { directory in
            let uplink = try await NetworkUplink(test, directory: directory)
            let manager = try NetworkManager(
                NetworkManagerOptions(dataDirectory: directory, nameServers: ["198.51.100.1"]))
            let other = try NetworkManager(
                NetworkManagerOptions(subnet: "172.31.0.0/24", bridgeName: "svbr1", dataDirectory: directory))
            let taps = [
                try await manager.createTap(vmId: "a", ifaceId: "eth0"),
                try await manager.createTap(vmId: "b", ifaceId: "eth0"),
                try await other.createTap(vmId: "b", ifaceId: "eth1"),
            ]
            var guests: [NetworkGuest] = []
            do {
                guests.append(try await NetworkGuest("a", [(manager, taps[0])], directory: directory))
                guests.append(
                    try await NetworkGuest("b", [(manager, taps[1]), (other, taps[2])], directory: directory))
                try await check(guests[0], guests[1], taps)
            } catch {
                Issue.record(error)
            }
            for guest in guests { await guest.end() }
            // The VMMs held the TAPs until now.
            try await manager.cleanup()
            try await other.cleanup()
            uplink.end()
            #expect(try NetworkHost.interfaces() == [])
            #expect(try await NetworkHost.rules() == "")
        }
    }

    private func check(_ first: NetworkGuest, _ second: NetworkGuest, _ taps: [NetworkTap]) async throws {
        func ping(_ guest: NetworkGuest, _ address: String, _ options: String = "") async throws -> Bool {
            try await guest.shell("ping -c 2 -W 1 \(options) \(address)").contains(" 0% packet loss")
        }
        #expect(try await ping(first, "172.30.0.1"))
        #expect(try await ping(first, taps[1].guestIp))
        #expect(try await ping(second, taps[0].guestIp))
        // Through the host, under its address; and names.
        func fetch(_ guest: NetworkGuest, _ address: String, port: Int = 80) async throws -> String {
            try await guest.shell("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 \(address) \(port) 2>&1")
        }
        for guest in [first, second] {
            let page = try await fetch(guest, "198.51.100.1")
            #expect(page.contains("peer 198.51.100.2"), "\(page)")
        }
        let names = try await second.shell("cat /etc/resolv.conf; nslookup web.example 2>&1")
        #expect(names.contains("Name:\tweb.example\nAddress: 198.51.100.1"), "\(names)")
        // The uplink answers there, the guests do not get through.
        let metadata = try await fetch(first, "169.254.169.254")
        #expect(!metadata.contains("peer") && metadata.contains("can't connect"), "\(metadata)")
        // The host's own services, on any of its addresses.
        let listener = try NetworkUplink.listen(SOCK_STREAM, port: 8080)
        for address in ["172.30.0.1", "198.51.100.2", "172.31.0.1"] {
            let service = try await first.shell("nc -w 2 \(address) 8080 </dev/null 2>&1 && echo reached")
            #expect(!service.contains("reached") && service.contains("can't connect"), "\(address): \(service)")
        }
        close(listener)

        // The other network's guest hears nothing.
        let heard = "cat /proc/net/snmp | grep Icmp: | tail -1 | cut -d' ' -f 9,10"
        let before = try await second.shell(heard)
        #expect(try await !ping(first, taps[2].guestIp))
        #expect(try await second.shell(heard) == before)

        // Under another address the first guest is not heard, under its own it is again.
        _ = try await first.shell("ip addr add 172.30.0.99/24 dev eth0")
        #expect(try await !ping(first, "172.30.0.1", "-I 172.30.0.99"))
        #expect(try await !ping(first, taps[1].guestIp, "-I 172.30.0.99"))
        _ = try await first.shell("ip addr del 172.30.0.99/24 dev eth0")
        #expect(try await ping(first, taps[1].guestIp))
    }
}
