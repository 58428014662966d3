import Testing

@testable import SmartVM

/// The seed's tests of the network, under their titles.
@Suite("NetworkManager")
struct NetworkManagerSeedTests {
    @Test("NetworkManager - allocateIp() should allocate sequential IPs")
    func sequential() async throws {
        let manager = try NetworkManager(subnet: "172.30.0.0/24")
        #expect(try await manager.allocateIp() == "172.30.0.2")
        #expect(try await manager.allocateIp() == "172.30.0.3")
        #expect(try await manager.allocateIp() == "172.30.0.4")
    }

    @Test("NetworkManager - allocateIp() should normalize non-network CIDR input")
    func normalize() async throws {
        let manager = try NetworkManager(subnet: "10.20.30.17/29")
        #expect(try await manager.allocateIp() == "10.20.30.18")
        #expect(try await manager.allocateIp() == "10.20.30.19")
    }

    @Test("NetworkManager - allocateIp() should fail when subnet is exhausted")
    func exhausted() async throws {
        let manager = try NetworkManager(subnet: "192.168.100.0/30")
        #expect(try await manager.allocateIp() == "192.168.100.2")
        let error = await #expect(throws: SmartVMError.self) { try await manager.allocateIp() }
        #expect(error?.code.rawValue == "IP_EXHAUSTED")
    }

    @Test("NetworkManager - constructor should reject invalid subnet input")
    func invalidSubnet() {
        let error = #expect(throws: SmartVMError.self) { try NetworkManager(subnet: "10.0.0.0/31") }
        #expect(error?.code.rawValue == "INVALID_SUBNET")
    }

    @Test(
        "NetworkManager - constructor should reject malformed IPv4 octets",
        arguments: ["10..0.1/24", "10.0x10.0.1/24", "10.0.0.1 /24"])
    func malformedOctets(subnet: String) {
        let error = #expect(throws: SmartVMError.self) { try NetworkManager(subnet: subnet) }
        #expect(error?.code.rawValue == "INVALID_SUBNET")
    }

    @Test("NetworkManager - constructor should reject invalid bridge names")
    func invalidBridge() {
        let error = #expect(throws: SmartVMError.self) { try NetworkManager(bridgeName: "bad bridge") }
        #expect(error?.code.rawValue == "INVALID_INTERFACE_NAME")
    }

    @Test("NetworkManager - generateMac() should generate locally-administered MACs")
    func macs() throws {
        let manager = try NetworkManager()
        let mac1 = manager.generateMac("vm1", "eth0")
        let mac2 = manager.generateMac("vm2", "eth0")
        let mac3 = manager.generateMac("vm1", "eth0")
        #expect(mac1.hasPrefix("02:"))
        #expect(mac2.hasPrefix("02:"))
        #expect(mac1 == mac3)
        #expect(mac1 != mac2)
        #expect(mac1.wholeMatch(of: /([0-9a-f]{2}:){5}[0-9a-f]{2}/) != nil)
    }

    @Test("NetworkManager - generateTapName() should respect IFNAMSIZ limit")
    func tapNames() throws {
        let manager = try NetworkManager()
        let name1 = manager.generateTapName("abcdefgh-1234-5678", "eth0")
        let name2 = manager.generateTapName("short", "eth0")
        #expect(name1.count <= 15)
        #expect(name2.count <= 15)
        #expect(name1.hasPrefix("sv"))
        #expect(name2.hasPrefix("sv"))
    }

    @Test("NetworkManager - getGuestNetworkBootArgs() should format correctly")
    func bootArguments() throws {
        let manager = try NetworkManager()
        let tap = TapDevice(
            tapName: "svtest0eth0", guestIp: "172.30.0.2", gatewayIp: "172.30.0.1", subnetMask: "255.255.255.0",
            mac: "02:00:00:00:00:01")
        #expect(manager.getGuestNetworkBootArgs(tap) == "ip=172.30.0.2::172.30.0.1:255.255.255.0::eth0:off")
    }
}
