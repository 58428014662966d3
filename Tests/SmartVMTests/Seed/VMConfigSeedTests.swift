import SmartVM
import Testing

/// The seed's tests of VMConfig, one for one: its titles, and the facts that it asserts.
@Suite("Seed: VMConfig")
struct VMConfigSeedTests {
    static let sampleConfig = VMConfig(
        id: "test-vm-1",
        bootSource: .init(kernelImagePath: "/path/to/vmlinux", bootArgs: "console=ttyS0 reboot=k panic=1"),
        machineConfig: .init(vcpuCount: 2, memSizeMib: 256, smt: false),
        drives: [
            .init(
                driveId: "rootfs", pathOnHost: "/path/to/rootfs.ext4", isRootDevice: true, isReadOnly: false,
                cacheType: .unsafe)
        ],
        networkInterfaces: [.init(ifaceId: "eth0", hostDevName: "tap0", guestMac: "02:00:00:00:00:01")])

    private let sampleConfig = Self.sampleConfig

    @Test("VMConfig - validate() should pass for valid config")
    func validConfig() {
        let result = sampleConfig.validate()
        #expect(result.valid)
        #expect(result.errors.count == 0)
    }

    @Test("VMConfig - validate() should fail for missing bootSource")
    func missingBootSource() throws {
        let vmConfig = try VMConfig(json: Array(#"{"machineConfig": {"vcpuCount": 1, "memSizeMib": 128}}"#.utf8))
        let result = vmConfig.validate()
        #expect(!result.valid)
        #expect(result.errors.count > 0)
    }

    @Test("VMConfig - validate() should fail for invalid vcpuCount")
    func invalidVcpuCount() {
        let vmConfig = VMConfig(
            bootSource: .init(kernelImagePath: "/vmlinux"), machineConfig: .init(vcpuCount: 0, memSizeMib: 128))
        #expect(!vmConfig.validate().valid)
    }

    @Test("VMConfig - validate() should fail for vcpuCount > 32")
    func tooManyVcpus() {
        let vmConfig = VMConfig(
            bootSource: .init(kernelImagePath: "/vmlinux"), machineConfig: .init(vcpuCount: 64, memSizeMib: 128))
        #expect(!vmConfig.validate().valid)
    }

    @Test("VMConfig - validate() should fail for multiple root drives")
    func multipleRootDrives() {
        let vmConfig = VMConfig(
            bootSource: .init(kernelImagePath: "/vmlinux"), machineConfig: .init(vcpuCount: 1, memSizeMib: 128),
            drives: [
                .init(driveId: "rootfs1", pathOnHost: "/rootfs1", isRootDevice: true),
                .init(driveId: "rootfs2", pathOnHost: "/rootfs2", isRootDevice: true),
            ])
        #expect(!vmConfig.validate().valid)
    }

    @Test("VMConfig - validate() should fail for invalid vsock guestCid")
    func invalidGuestCid() {
        let vmConfig = VMConfig(
            bootSource: .init(kernelImagePath: "/vmlinux"), machineConfig: .init(vcpuCount: 1, memSizeMib: 128),
            vsock: .init(guestCid: 2, udsPath: "/tmp/vsock.sock"))
        let result = vmConfig.validate()
        #expect(!result.valid)
        #expect(result.errors.contains("vsock.guestCid must be >= 3"))
    }

    @Test("VMConfig - constructor should not retain caller references")
    func independentOfCaller() throws {
        var config = sampleConfig
        config.networkInterfaces = [.init(ifaceId: "eth0", guestMac: "02:00:00:00:00:01")]
        config.mmds = .init(version: .v2, networkInterfaces: ["eth0"])
        let vmConfig = config
        config.networkInterfaces[0].guestMac = "02:00:00:00:00:02"
        config.mmds?.networkInterfaces.append("eth1")
        let interface = try #require(vmConfig.networkInterfaces.first)
        #expect(vmConfig.toNetworkInterfacePayload(interface)["guest_mac"] == "02:00:00:00:00:01")
        #expect(try #require(vmConfig.toMmdsConfigPayload())["network_interfaces"] == ["eth0"])
    }

    @Test("VMConfig - toBootSourcePayload() should generate correct snake_case")
    func bootSourcePayload() {
        let payload = sampleConfig.toBootSourcePayload()
        #expect(payload["kernel_image_path"] == "/path/to/vmlinux")
        #expect(payload["boot_args"] == "console=ttyS0 reboot=k panic=1")
        #expect(payload["initrd_path"] == nil)
    }

    @Test("VMConfig - toMachineConfigPayload() should generate correct payload")
    func machineConfigPayload() {
        let payload = sampleConfig.toMachineConfigPayload()
        #expect(payload["vcpu_count"] == 2)
        #expect(payload["mem_size_mib"] == 256)
        #expect(payload["smt"] == false)
    }

    @Test("VMConfig - toDrivePayload() should generate correct payload")
    func drivePayload() {
        let payload = sampleConfig.toDrivePayload(sampleConfig.drives[0])
        #expect(payload["drive_id"] == "rootfs")
        #expect(payload["path_on_host"] == "/path/to/rootfs.ext4")
        #expect(payload["is_root_device"] == true)
        #expect(payload["is_read_only"] == false)
        #expect(payload["cache_type"] == "Unsafe")
    }

    @Test("VMConfig - toNetworkInterfacePayload() should generate correct payload")
    func networkInterfacePayload() {
        let payload = sampleConfig.toNetworkInterfacePayload(sampleConfig.networkInterfaces[0])
        #expect(payload["iface_id"] == "eth0")
        #expect(payload["host_dev_name"] == "tap0")
        #expect(payload["guest_mac"] == "02:00:00:00:00:01")
    }

    @Test("VMConfig - toVsockPayload() should return null when no vsock configured")
    func noVsock() {
        #expect(sampleConfig.toVsockPayload() == nil)
    }

    @Test("VMConfig - toBalloonPayload() should return null when no balloon configured")
    func noBalloon() {
        #expect(sampleConfig.toBalloonPayload() == nil)
    }

    @Test("VMConfig - toBalloonPayload() should generate correct payload")
    func balloonPayload() throws {
        var vmConfig = sampleConfig
        vmConfig.balloon = .init(amountMib: 64, deflateOnOom: true, statsPollingIntervalS: 5)
        let payload = try #require(vmConfig.toBalloonPayload())
        #expect(payload["amount_mib"] == 64)
        #expect(payload["deflate_on_oom"] == true)
        #expect(payload["stats_polling_interval_s"] == 5)
    }

    @Test("VMConfig - toVsockPayload() should generate correct payload")
    func vsockPayload() throws {
        var vmConfig = sampleConfig
        vmConfig.vsock = .init(guestCid: 3, udsPath: "/tmp/vsock.sock")
        let payload = try #require(vmConfig.toVsockPayload())
        #expect(payload["guest_cid"] == 3)
        #expect(payload["uds_path"] == "/tmp/vsock.sock")
    }

    @Test("VMConfig - toMmdsConfigPayload() should generate correct payload")
    func mmdsConfigPayload() throws {
        var vmConfig = sampleConfig
        vmConfig.mmds = .init(version: .v2, networkInterfaces: ["eth0"])
        let payload = try #require(vmConfig.toMmdsConfigPayload())
        #expect(payload["version"] == "V2")
        #expect(payload["network_interfaces"] == ["eth0"])
    }

    @Test("VMConfig - toMetricsPayload() should generate correct payload")
    func metricsPayload() throws {
        var vmConfig = sampleConfig
        vmConfig.metrics = .init(metricsPath: "/tmp/firecracker-metrics.fifo")
        let payload = try #require(vmConfig.toMetricsPayload())
        #expect(payload["metrics_path"] == "/tmp/firecracker-metrics.fifo")
    }

    @Test("VMConfig - toDrivePayload() should include rate limiter payloads")
    func rateLimiterPayloads() {
        let payload = sampleConfig.toDrivePayload(
            .init(
                driveId: "data", pathOnHost: "/path/to/data.ext4", isRootDevice: false,
                rateLimiter: .init(
                    bandwidth: .init(size: 1000, refillTime: 2000, oneTimeBurst: 3000),
                    ops: .init(size: 10, refillTime: 20, oneTimeBurst: 30))))
        #expect(
            payload["rate_limiter"]?["bandwidth"] == ["size": 1000, "refill_time": 2000, "one_time_burst": 3000])
        #expect(payload["rate_limiter"]?["ops"] == ["size": 10, "refill_time": 20, "one_time_burst": 30])
    }

    @Test("VMConfig - toLoggerPayload() should generate correct payload")
    func loggerPayload() throws {
        var vmConfig = sampleConfig
        vmConfig.logger = .init(logPath: "/tmp/fc.log", level: .debug, showLogOrigin: true)
        let payload = try #require(vmConfig.toLoggerPayload())
        #expect(payload["log_path"] == "/tmp/fc.log")
        #expect(payload["level"] == "Debug")
        #expect(payload["show_log_origin"] == true)
    }
}
