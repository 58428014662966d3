import SmartVM
import Testing

/// Which release of Firecracker a configuration needs, and that older ones are sent nothing they do not know.
@Suite("VMConfig and Firecracker's versions")
struct VMConfigVersionTests {
    struct Use: Sendable, CustomTestStringConvertible {
        var path: String
        var since: FirecrackerVersion
        var make: @Sendable (inout VMConfig) -> Void

        init(_ path: String, _ since: FirecrackerVersion, make: @escaping @Sendable (inout VMConfig) -> Void) {
            self.path = path
            self.since = since
            self.make = make
        }

        var testDescription: String { path }
    }

    static let bucket = VMConfig.TokenBucket(size: 1, refillTime: 1)
    static let v1_14 = FirecrackerVersion(1, 14)
    static let v1_16 = FirecrackerVersion(1, 16)

    static let uses: [Use] = [
        Use("networkInterfaces[0].mtu", v1_16) { $0.networkInterfaces[0].mtu = 1400 },
        Use("pmem", v1_14) { $0.pmem = [.init(id: "p", pathOnHost: "/p")] },
        Use("pmem[0].rateLimiter", v1_16) {
            $0.pmem = [.init(id: "p", pathOnHost: "/p", rateLimiter: .init(ops: bucket))]
        },
        Use("serial", v1_14) { $0.serial = .init(serialOutPath: "/o") },
        Use("serial.rateLimiter", v1_16) { $0.serial = .init(rateLimiter: bucket) },
        Use("memoryHotplug", v1_14) { $0.memoryHotplug = .init(totalSizeMib: 128) },
        Use("balloon.freePageHinting", v1_14) { $0.balloon = .init(amountMib: 1, freePageHinting: true) },
        Use("balloon.freePageReporting", v1_14) { $0.balloon = .init(amountMib: 1, freePageReporting: true) },
        Use("mmds.imdsCompat", .init(1, 13)) { $0.mmds = .init(networkInterfaces: ["eth0"], imdsCompat: true) },
        Use("enablePCI", .init(1, 13)) { $0.enablePCI = true },
        Use("machineConfig.hugePages", .init(1, 7)) { $0.machineConfig.hugePages = .hugetlbfs2M },
        Use("drives[0].socket", .init(1, 6)) { $0.drives = [.init(driveId: "a", socket: "/s")] },
        Use("logger.module", .init(1, 6)) { $0.logger = .init(module: "api") },
        Use("cpuConfig.kvmCapabilities", .init(1, 5)) { $0.cpuConfig = CPUConfig(kvmCapabilities: ["!1"]) },
    ]

    private static let plain = VMConfig(
        bootSource: .init(kernelImagePath: "/k"), networkInterfaces: [.init(ifaceId: "eth0", hostDevName: "tap0")])

    @Test("a field is refused by the release before the one that brought it, with both versions", arguments: Self.uses)
    func gate(_ use: Use) {
        var config = Self.plain
        use.make(&config)
        #expect(config.validate(for: use.since).errors == [])
        #expect(config.validate().valid)
        let before = FirecrackerVersion(use.since.major, use.since.minor - 1, 9)
        #expect(
            config.validate(for: before).errors
                == ["\(use.path) needs Firecracker \(use.since); this one is \(before)"])
    }

    @Test("devices that a release lacks are named, not each of their fields")
    func devices() {
        var config = Self.plain
        config.serial = .init(serialOutPath: "/o", rateLimiter: Self.bucket)
        config.pmem = [.init(id: "p", pathOnHost: "/p", rateLimiter: .init(ops: Self.bucket))]
        config.networkInterfaces[0].mtu = 1400
        #expect(
            config.validate(for: .init(1, 13, 1)).errors == [
                "pmem needs Firecracker 1.14.0; this one is 1.13.1",
                "networkInterfaces[0].mtu needs Firecracker 1.16.0; this one is 1.13.1",
                "serial needs Firecracker 1.14.0; this one is 1.13.1",
            ])
        #expect(
            config.validate(for: .init(1, 14, 1)).errors.contains(
                "networkInterfaces[0].mtu needs Firecracker 1.16.0; this one is 1.14.1"))
    }

    @Test("defaults need nothing, and are not sent where an older release would refuse their names")
    func defaults() {
        var config = Self.plain
        config.balloon = .init(amountMib: 1)
        config.mmds = .init(networkInterfaces: ["eth0"])
        #expect(config.validate(for: .oldest).errors == [])
        #expect(config.toMachineConfigPayload()["huge_pages"] == nil)
        #expect(config.toBalloonPayload()?["free_page_hinting"] == nil)
        #expect(config.toBalloonPayload()?["free_page_reporting"] == nil)
        #expect(config.toMmdsConfigPayload()?["imds_compat"] == nil)
        #expect(config.toNetworkInterfacePayload(config.networkInterfaces[0])["mtu"] == nil)
    }

    @Test("a release that is too old for everything is refused as a whole")
    func tooOld() {
        #expect(
            Self.plain.validate(for: .init(1, 3, 3)).errors
                == ["the configuration needs Firecracker 1.4.0 or newer; this one is 1.3.3"])
    }
}
