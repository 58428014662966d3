import SmartVM
import Testing

/// What the seed's tests do not ask of the payloads.
@Suite("VMConfig's payloads")
struct VMConfigPayloadTests {
    private static let limiter = VMConfig.RateLimiter(
        bandwidth: .init(size: 1, refillTime: 2), ops: .init(size: 3, refillTime: 4, oneTimeBurst: 5))
    private static let limiterJSON: JSONValue = [
        "bandwidth": ["size": 1, "refill_time": 2], "ops": ["size": 3, "refill_time": 4, "one_time_burst": 5],
    ]
    private let config = VMConfig(
        cpuConfig: CPUConfig(msrModifiers: [MSRModifier(addr: "0x10", bitmap: "0b1")]),
        memoryHotplug: .init(totalSizeMib: 512, blockSizeMib: 4, slotSizeMib: 256),
        entropy: .init(rateLimiter: limiter),
        serial: .init(serialOutPath: "/o", rateLimiter: .init(size: 6, refillTime: 7)))

    @Test("devices beyond the seed's")
    func devices() throws {
        #expect(try #require(config.toEntropyPayload())["rate_limiter"] == Self.limiterJSON)
        let serial = try #require(config.toSerialPayload())
        #expect(serial["serial_out_path"] == "/o" && serial["rate_limiter"] == ["size": 6, "refill_time": 7])
        let memory = try #require(config.toMemoryHotplugPayload())
        #expect(memory["total_size_mib"] == 512 && memory["block_size_mib"] == 4 && memory["slot_size_mib"] == 256)
        let cpu = try #require(config.toCpuConfigPayload())
        #expect(cpu["msr_modifiers"] == [["addr": "0x10", "bitmap": "0b1"]])
        let pmem = config.toPmemPayload(
            .init(id: "p", pathOnHost: "/p", rootDevice: true, readOnly: true, rateLimiter: Self.limiter))
        #expect(pmem["id"] == "p" && pmem["path_on_host"] == "/p" && pmem["root_device"] == true)
        #expect(pmem["read_only"] == true && pmem["rate_limiter"] == Self.limiterJSON)
    }

    @Test("nothing of a device that is not configured")
    func absent() {
        let config = VMConfig()
        #expect(config.toEntropyPayload() == nil && config.toSerialPayload() == nil)
        #expect(config.toMemoryHotplugPayload() == nil && config.toCpuConfigPayload() == nil)
        #expect(
            config.toMmdsConfigPayload() == nil && config.toMetricsPayload() == nil && config.toLoggerPayload() == nil)
    }

    @Test("interfaces: limits and MTU, and no TAP yet")
    func interface() {
        let payload = config.toNetworkInterfacePayload(
            .init(ifaceId: "eth0", mtu: 9000, rxRateLimiter: Self.limiter, txRateLimiter: .init()))
        #expect(payload["host_dev_name"] == "" && payload["guest_mac"] == nil && payload["mtu"] == 9000)
        #expect(payload["rx_rate_limiter"] == Self.limiterJSON && payload["tx_rate_limiter"] == [:])
    }

    @Test("a vhost-user drive says nothing that its back end decides")
    func vhostUser() {
        let payload = config.toDrivePayload(.init(driveId: "a", socket: "/s"))
        #expect(payload["socket"] == "/s" && payload["is_root_device"] == false)
        for key in ["path_on_host", "is_read_only", "io_engine", "rate_limiter", "partuuid"] {
            #expect(payload[key] == nil)
        }
    }

    @Test("the machine: what is not the default")
    func machine() {
        var config = config
        config.machineConfig = .init(
            vcpuCount: 4, memSizeMib: 64, smt: true, trackDirtyPages: true, hugePages: .hugetlbfs2M, cpuTemplate: .t2s)
        let payload = config.toMachineConfigPayload()
        #expect(payload["smt"] == true && payload["track_dirty_pages"] == true)
        #expect(payload["huge_pages"] == "2M" && payload["cpu_template"] == "T2S")
    }

    @Test("numbers that do not fit become the nearest that do")
    func clamped() {
        var config = config
        config.machineConfig = .init(vcpuCount: 1000, memSizeMib: -1)
        config.balloon = .init(amountMib: .max)
        #expect(config.toMachineConfigPayload()["vcpu_count"] == 255)
        #expect(config.toMachineConfigPayload()["mem_size_mib"] == 0)
        #expect(config.toBalloonPayload()?["amount_mib"] == 4_294_967_295)
    }
}
