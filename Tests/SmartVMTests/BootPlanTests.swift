import FoundationEssentials
import Linux
import Testing

@testable import SmartVM

/// What a VMM is told of a configuration, and in which order.
@Suite("The plan of a boot")
struct BootPlanTests {
    private static let image = BaseImageBundle(
        preset: .minimal, arch: "x86_64", ciVersion: "6.1", firecrackerVersion: "v1.16.1", bundleId: "minimal",
        bundleDir: "/images/minimal", kernelImagePath: "/images/minimal/vmlinux",
        initrdPath: "/images/minimal/initramfs", rootfsPath: "/images/minimal/rootfs.ext4", rootfsType: "ext4",
        rootfsIsReadOnly: true, bootArgs: "console=ttyS0", source: .init(), createdAt: "", lastAccessedAt: "")

    private static let everything = VMConfig(
        bootSource: .init(kernelImagePath: "/k", initrdPath: "/i", bootArgs: "quiet"),
        machineConfig: .init(vcpuCount: 2, memSizeMib: 512), cpuConfig: CPUConfig(kvmCapabilities: ["!1"]),
        drives: [.init(driveId: "a", pathOnHost: "/a", isRootDevice: true), .init(driveId: "b", pathOnHost: "/b")],
        pmem: [.init(id: "p", pathOnHost: "/p")],
        networkInterfaces: [.init(ifaceId: "eth0", hostDevName: "tap0", guestMac: "02:00:00:00:00:AB", mtu: 1400)],
        vsock: .init(guestCid: 7, udsPath: "/v.sock"), balloon: .init(amountMib: 16),
        memoryHotplug: .init(totalSizeMib: 256),
        entropy: .init(rateLimiter: .init(bandwidth: .init(size: 1, refillTime: 2))),
        mmds: .init(version: .v2, networkInterfaces: ["eth0"]), serial: .init(serialOutPath: "/serial"),
        metrics: .init(metricsPath: "/metrics"), logger: .init(logPath: "/log", level: .debug))

    @Test("every part is sent once, after those that it refers to")
    func order() {
        let plan = BootPlan(Self.everything, kernel: "/unpacked", image: nil)
        let limiter = RateLimiter(bandwidth: TokenBucket(size: 1, refillTime: 2))
        #expect(
            plan.requests(vsockPath: "/other.sock") == [
                .putLogger(LoggerConfig(logPath: "/log", level: .debug)),
                .putMetrics(MetricsConfig(metricsPath: "/metrics")),
                .putMachineConfig(MachineConfig(vcpuCount: 2, memSizeMib: 512)),
                .putBootSource(BootSource(kernelImagePath: "/unpacked", initrdPath: "/i", bootArgs: "quiet")),
                .putCPUConfig(CPUConfig(kvmCapabilities: ["!1"])),
                .putDrive(Drive(driveId: "a", isRootDevice: true, isReadOnly: false, pathOnHost: "/a")),
                .putDrive(Drive(driveId: "b", isRootDevice: false, isReadOnly: false, pathOnHost: "/b")),
                .putPmem(Pmem(id: "p", pathOnHost: "/p")),
                .putNetworkInterface(
                    NetworkInterface(
                        ifaceId: "eth0", hostDevName: "tap0", guestMac: "02:00:00:00:00:ab", mtu: 1400)),
                .putVsock(VsockConfig(guestCid: 7, udsPath: "/other.sock")),
                .putBalloon(BalloonConfig(amountMib: 16, deflateOnOom: false)),
                .putMemoryHotplug(MemoryHotplugConfig(totalSizeMib: 256)),
                .putEntropy(EntropyConfig(rateLimiter: limiter)),
                .putMMDSConfig(MMDSConfig(networkInterfaces: ["eth0"], version: .v2)),
                .putSerial(SerialConfig(serialOutPath: "/serial")),
                .performAction(.instanceStart),
            ])
        #expect(plan.vsockPath == "/v.sock")
    }

    @Test("an image gives what the configuration does not")
    func image() {
        let plain = BootPlan(VMConfig(image: "minimal"), kernel: nil, image: Self.image)
        #expect(
            plain.bootSource
                == BootSource(
                    kernelImagePath: "/images/minimal/vmlinux", initrdPath: "/images/minimal/initramfs",
                    bootArgs: "console=ttyS0"))
        #expect(plain.drives.map(\.pathOnHost) == ["/images/minimal/rootfs.ext4"])
        #expect(plain.drives.first?.isRootDevice == true && plain.drives.first?.isReadOnly == true)
        #expect(plain.hasAgent && plain.vsockPath == nil && plain.guestCid == 3)

        let config = VMConfig(
            image: "minimal", bootSource: .init(bootArgs: "quiet"), drives: [.init(driveId: "rootfs", pathOnHost: "/d")]
        )
        let mixed = BootPlan(config, kernel: "/k", image: Self.image)
        #expect(mixed.bootSource.kernelImagePath == "/k" && mixed.bootSource.bootArgs == "quiet")
        #expect(mixed.drives.map(\.driveId) == ["rootfs_", "rootfs"])

        for root in [
            VMConfig(image: "minimal", drives: [.init(driveId: "r", pathOnHost: "/r", isRootDevice: true)]),
            VMConfig(image: "minimal", pmem: [.init(id: "r", pathOnHost: "/r", rootDevice: true)]),
        ] {
            let plan = BootPlan(root, kernel: nil, image: Self.image)
            #expect(plan.drives.count + plan.pmem.count == 1)
        }
    }

    @Test("a kernel and a drive alone are a guest without an agent; arguments have a default")
    func bare() {
        let plan = BootPlan(VMConfig(bootSource: .init(kernelImagePath: "/k")), kernel: "/k", image: nil)
        #expect(!plan.hasAgent && plan.bootSource.initrdPath == nil)
        #expect(plan.bootSource.bootArgs == "console=ttyS0 reboot=k panic=1")
        #expect(plan.drives.isEmpty)
    }

    @Test("paths become absolute, since the VMM works elsewhere")
    func paths() {
        var config = Self.everything
        config.bootSource = .init(kernelImagePath: "k", initrdPath: "i")
        config.drives = [.init(driveId: "a", pathOnHost: "a"), .init(driveId: "b", socket: "s")]
        config.pmem[0].pathOnHost = "p"
        config.vsock?.udsPath = "v"
        config.serial?.serialOutPath = "o"
        config.metrics?.metricsPath = "m"
        config.logger?.logPath = "l"
        let plan = BootPlan(config, kernel: nil, image: nil)
        let here = FileManager.default.currentDirectoryPath
        let paths: [String?] = [
            plan.bootSource.kernelImagePath, plan.bootSource.initrdPath, plan.drives[0].pathOnHost,
            plan.drives[1].socket, plan.pmem[0].pathOnHost, plan.vsockPath, plan.serial?.serialOutPath,
            plan.metrics?.metricsPath, plan.logger?.logPath,
        ]
        #expect(paths == ["k", "i", "a", "s", "p", "v", "o", "m", "l"].map { "\(here)/\($0)" })
    }

    @Test("files are looked at for what is to be done with them")
    func files() throws {
        let directory = try TestDirectory()
        let file = try directory.file("disk", [1])
        let config = VMConfig(
            bootSource: .init(kernelImagePath: file), drives: [.init(driveId: "a", pathOnHost: file)])
        try BootPlan.checkFiles(of: config)
        for (change, word) in [
            ({ $0.drives[0].pathOnHost = "/no/disk" }, "drive a /no/disk"),
            ({ $0.drives[0].pathOnHost = directory.path }, "directory"),
            ({ $0.bootSource?.kernelImagePath = "/no/kernel" }, "kernel /no/kernel"),
            ({ $0.bootSource?.initrdPath = "/no/initrd" }, "initramfs /no/initrd"),
            ({ $0.pmem = [.init(id: "p", pathOnHost: "/no/pmem")] }, "pmem device p /no/pmem"),
        ] as [((inout VMConfig) -> Void, String)] {
            var config = config
            change(&config)
            #expect {
                try BootPlan.checkFiles(of: config)
            } throws: { error in
                guard let error = error as? SmartVMError else { return false }
                return error.code == .invalidFile && error.message.contains(word)
            }
        }
    }
}
