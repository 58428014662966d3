import GuestProtocol
import Testing

@testable import SmartVM

@Suite("Networks: names and numbers")
struct NetworkNamesTests {
    @Test(
        "subnets that no guests can have",
        arguments: [
            "", "/", "172.30.0.0", "172.30.0.0/", "172.30.0.0/33", "172.30.0.0/31", "172.30.0.0/32", "172.30.0.0/7",
            "0.0.0.0/0", "172.30.0.0/0", "172.30.0.0/024", "172.30.0.0/+24", "172.30.0.0/24/24", "172.30.0/24",
            "172.30.0.0.0/24", "172.030.0.0/24", "256.0.0.0/24", " 172.30.0.0/24", "172.30.0.0/24 ", "172.30.0.0/ 24",
            "0xac.30.0.0/24", "fd00::/64", "::ffff:172.30.0.0/24", "0.0.0.0/8", "127.0.0.0/8", "127.1.0.0/16",
            "169.254.0.0/16", "169.254.169.0/24", "169.0.0.0/8", "224.0.0.0/4", "239.1.0.0/16", "240.0.0.0/8",
            "255.255.255.0/24", "172.30.0.0/٢٤", "172.30.0.0\0/24", "-1.0.0.0/8",
        ])
    func invalidSubnets(text: String) {
        let error = #expect(throws: SmartVMError.self) { try NetworkManager(subnet: text) }
        #expect(error?.code == .invalidSubnet && error?.message.contains("'\(text)'") == true && error?.cure != nil)
    }

    @Test("the parts of subnets")
    func subnets() throws {
        let subnet = try Subnet("10.20.30.17/29")
        #expect(subnet.description == "10.20.30.16/29" && subnet.maskText == "255.255.255.248")
        #expect(Subnet.text(subnet.gateway) == "10.20.30.17" && subnet.guestAddresses.count == 5)
        #expect(Subnet.text(subnet.guestAddresses.upperBound) == "10.20.30.22")
        let least = try Subnet("192.168.100.0/30")
        #expect(least.guestAddresses.count == 1)
        let largest = try Subnet("10.0.0.0/8")
        #expect(largest.guestAddresses.count == 1 << 24 - 3 && largest.maskText == "255.0.0.0")
        #expect(subnet.overlaps(base: 0x0a14_1e00, prefixLength: 24) && subnet.overlaps(base: 0, prefixLength: 0))
        #expect(subnet.overlaps(base: 0x0a14_1e14, prefixLength: 32))
        #expect(!subnet.overlaps(base: 0x0a14_1e18, prefixLength: 29))
    }

    @Test(
        "names that no bridge can have",
        arguments: [
            "", " ", "bad bridge", "a/b", "..", ".", "-v", "sixteen-letters-", "br\0", "br0;x", "br\"0", "brücke",
            "br:0", "br%d", "all", "default", "br\n0", "*",
        ])
    func invalidBridges(name: String) {
        let error = #expect(throws: SmartVMError.self) { try NetworkManager(bridgeName: name) }
        #expect(error?.code == .invalidInterfaceName)
    }

    @Test("names of TAPs are those that interfaces can have, and differ for VMs with the same beginning")
    func tapNames() throws {
        let manager = try NetworkManager()
        var names: Set<String> = []
        for vm in ["", "a", "web", "WEB", "vm-0001", "vm-0002", "abcdefgh-1", "abcdefgh-2", "ü", "../../x", "a b;c"] {
            for interface in ["eth0", "eth1"] {
                let name = manager.generateTapName(vm, interface)
                #expect(name.utf8.count <= 15 && name.hasPrefix("sv"))
                #expect(throws: Never.self) { try InterfaceName.check(name) }
                names.insert(name)
            }
        }
        #expect(names.count == 22)
        #expect(NetworkManager.tapName("a", "eth0", attempt: 1) != manager.generateTapName("a", "eth0"))
        #expect(manager.generateMac("a", "beth0") != manager.generateMac("ab", "eth0"))
    }

    @Test("addresses go round before one is given out again")
    func addresses() {
        func next(_ range: ClosedRange<UInt32>, after last: UInt32?, _ taken: Set<UInt32>) -> UInt32? {
            Store.freeAddress(in: range, after: last, taken: taken)
        }
        #expect(next(2...6, after: nil, []) == 2)
        #expect(next(2...6, after: 2, [2]) == 3)
        #expect(next(2...6, after: 3, [3]) == 4)
        #expect(next(2...6, after: 6, [6]) == 2)
        #expect(next(2...6, after: 6, [2, 3, 5, 6]) == 4)
        #expect(next(2...6, after: 4, [2, 3, 4, 5, 6]) == nil)
        // Addresses of a subnet that the network had before take no place.
        #expect(next(2...3, after: 99, [97, 98, 99]) == 2)
        #expect(next(2...3, after: 99, [2, 98, 99]) == 3)
        #expect(next(2...2, after: 2, [2]) == nil)
    }

    @Test("addresses that are given back can be had again")
    func release() async throws {
        let manager = try NetworkManager(subnet: "192.168.100.0/29")
        var addresses: [String] = []
        for _ in 0..<5 { addresses.append(try await manager.allocateIp()) }
        #expect(addresses.last == "192.168.100.6")
        try await manager.releaseIp("192.168.100.4")
        try await manager.releaseIp("192.168.100.200")
        try await manager.releaseIp("nonsense")
        #expect(try await manager.allocateIp() == "192.168.100.4")
        await #expect(throws: SmartVMError.self) { try await manager.allocateIp() }
    }

    @Test("name servers that guests can reach are those that are not on the loopback interface")
    func resolver() {
        let text =
            "# comment\nnameserver 127.0.0.53\nsearch x\nnameserver\t192.0.2.53 # y\nnameserver ::1\nnameserver x\n"
            + "nameserver 192.0.2.53\n nameserver 192.0.2.54\nnameserver 192.0.2.55\nnameserver 192.0.2.56\nnameserver"
        #expect(HostResolver.parse(text).map(\.description) == ["192.0.2.53", "192.0.2.54", "192.0.2.55"])
        #expect(HostResolver.parse("nameserver 127.0.0.53\noptions edns0\n").isEmpty)
        #expect(HostResolver.nameServers(paths: ["/nonexistent"]).isEmpty)
    }

    @Test("name servers that are no addresses are refused", arguments: ["", "localhost", "::1", "1.2.3"])
    func nameServers(text: String) {
        let error = #expect(throws: SmartVMError.self) {
            try NetworkManager(NetworkManagerOptions(nameServers: [text]))
        }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test("what the agent is told of an interface")
    func guestConfiguration() throws {
        let manager = try NetworkManager(NetworkManagerOptions(subnet: "10.1.2.0/28", nameServers: ["192.0.2.53"]))
        let taps = (2...3).map {
            TapDevice(
                tapName: "svx\($0)", guestIp: "10.1.2.\($0)", gatewayIp: "10.1.2.1", subnetMask: "255.255.255.240",
                mac: "02:00:00:00:00:0\($0)")
        }
        let configuration = manager.guestConfiguration(for: taps)
        #expect(configuration.nameServers.map(\.description) == ["192.0.2.53"])
        #expect(configuration.interfaces.map(\.macAddress) == taps.map(\.mac))
        #expect(configuration.interfaces[0].addresses.map(\.prefixLength) == [28])
        #expect(configuration.interfaces.map { $0.gateways.map(\.description) } == [["10.1.2.1"], []])
        #expect(manager.guestConfiguration(for: []).nameServers.isEmpty)
        #expect(
            manager.getGuestNetworkBootArgs(taps[1], interface: "eth1")
                == "ip=10.1.2.3::10.1.2.1:255.255.255.240::eth1:off")
    }
}
