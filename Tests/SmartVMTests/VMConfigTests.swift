import SmartVM
import Testing

/// What validate() says to each mistake, and that it says nothing else.
@Suite("VMConfig")
struct VMConfigTests {
    static let good = VMConfig(
        id: "web-1", bootSource: .init(kernelImagePath: "/vmlinux"),
        drives: [.init(driveId: "rootfs", pathOnHost: "/rootfs", isRootDevice: true)],
        networkInterfaces: [.init(ifaceId: "eth0", hostDevName: "tap0", guestMac: "02:00:00:00:00:01")])

    @Test("an image, or a kernel, is all that a configuration needs")
    func valid() {
        #expect(VMConfig(image: "minimal").validate().errors == [])
        #expect(VMConfig(bootSource: .init(kernelImagePath: "/vmlinux")).validate().errors == [])
        #expect(VMConfig(image: "minimal", bootSource: .init(bootArgs: "quiet")).validate().errors == [])
        #expect(Self.good.validate() == VMConfig.Validation())
        #expect(VMConfig().validate().errors == ["bootSource.kernelImagePath is required"])
    }

    private func check(_ mistake: Mistake) {
        var config = Self.good
        mistake.make(&config)
        let validation = config.validate()
        #expect(validation.errors == mistake.errors)
        #expect(validation.valid == mistake.errors.isEmpty)
    }

    @Test("names, kernel and arguments", arguments: Self.identityMistakes)
    func identity(_ mistake: Mistake) { check(mistake) }

    static let identityMistakes: [Mistake] = [
        Mistake("id must be 1 to 63 letters, digits and hyphens, and begin with a letter or digit, not '-x'") {
            $0.id = "-x"
        },
        Mistake("id must be 1 to 63 letters, digits and hyphens, and begin with a letter or digit, not ''") {
            $0.id = ""
        },
        Mistake("id must be 1 to 63 letters, digits and hyphens, and begin with a letter or digit, not '../x'") {
            $0.id = "../x"
        },
        Mistake {
            $0.id = String(repeating: "a", count: 63)
        },
        Mistake("image must not be empty") { $0.image = "" },
        Mistake(
            "hostname must be at most 64 letters, digits and hyphens, in parts of 1 to 63 that begin with a letter or digit, "
                + "not 'a..b'"
        ) { $0.hostname = "a..b" },
        Mistake { $0.hostname = "a.b-c.d1" },
        Mistake("bootSource.kernelImagePath is required") { $0.bootSource = nil },
        Mistake("bootSource.kernelImagePath is required") { $0.bootSource?.kernelImagePath = "" },
        Mistake("bootSource.kernelImagePath must not be empty") {
            $0.image = "minimal"
            $0.bootSource?.kernelImagePath = ""
        },
        Mistake("bootSource.initrdPath must not be empty") { $0.bootSource?.initrdPath = "" },
        Mistake("bootSource.bootArgs must be at most 2047 bytes") {
            $0.bootSource?.bootArgs = String(repeating: "a", count: 2048)
        },
        Mistake { $0.bootSource?.bootArgs = String(repeating: "a", count: 2047) },
        Mistake("bootSource.kernelImagePath must not contain a NUL character") {
            $0.bootSource?.kernelImagePath = "/vmlinux\0"
        },
        Mistake("drives[0].pathOnHost must not contain a NUL character") { $0.drives[0].pathOnHost = "/a\0b" },
    ]

    @Test("CPUs and memory", arguments: Self.machineMistakes)
    func machine(_ mistake: Mistake) { check(mistake) }

    static let machineMistakes: [Mistake] = [
        Mistake("machineConfig.vcpuCount must be between 1 and 32, not 0") { $0.machineConfig.vcpuCount = 0 },
        Mistake("machineConfig.vcpuCount must be between 1 and 32, not 33") { $0.machineConfig.vcpuCount = 33 },
        Mistake("machineConfig.vcpuCount must be between 1 and 32, not -1") { $0.machineConfig.vcpuCount = -1 },
        Mistake { $0.machineConfig.vcpuCount = 32 },
        Mistake("machineConfig.vcpuCount must be 1 or even when machineConfig.smt is true") {
            $0.machineConfig = .init(vcpuCount: 3, smt: true)
        },
        Mistake { $0.machineConfig = .init(vcpuCount: 1, smt: true) },
        Mistake("machineConfig.memSizeMib must be >= 1") { $0.machineConfig.memSizeMib = 0 },
        Mistake("machineConfig.memSizeMib must be even when machineConfig.hugePages is 2M") {
            $0.machineConfig = .init(memSizeMib: 129, hugePages: .hugetlbfs2M)
        },
        Mistake("machineConfig.cpuTemplate must not be set together with cpuConfig") {
            $0.machineConfig.cpuTemplate = .t2
            $0.cpuConfig = CPUConfig(kvmCapabilities: ["!121"])
        },
        Mistake("cpuConfig.kvmCapabilities[1] must be the number of a KVM capability, which may have '!' before it") {
            $0.cpuConfig = CPUConfig(kvmCapabilities: ["121", "x"])
        },
        Mistake(
            "cpuConfig.cpuidModifiers[0].leaf must be a number of 32 bits with the prefix 0x or 0b, in a string",
            "cpuConfig.cpuidModifiers[0].modifiers[0].register must be 'eax', 'ebx', 'ecx' or 'edx'",
            "cpuConfig.cpuidModifiers[0].modifiers[0].bitmap must be at most 32 of the characters 0, 1 and x, which may have "
                + "the prefix 0b"
        ) {
            $0.cpuConfig = CPUConfig(cpuidModifiers: [
                CPUIDModifier(
                    leaf: "7", subleaf: "0x0", flags: 0,
                    modifiers: [CPUIDRegisterModifier(register: "rax", bitmap: "2")])
            ])
        },
        Mistake(
            "cpuConfig.msrModifiers[0].addr must be a number of 32 bits with the prefix 0x or 0b, in a string",
            "cpuConfig.msrModifiers[0].bitmap must be at most 64 of the characters 0, 1 and x, which may have the prefix 0b"
        ) {
            $0.cpuConfig = CPUConfig(msrModifiers: [
                MSRModifier(addr: "0x100000000", bitmap: String(repeating: "x", count: 65))
            ])
        },
        Mistake("balloon.amountMib must be <= machineConfig.memSizeMib") { $0.balloon = .init(amountMib: 257) },
        Mistake("balloon.amountMib must be >= 0") { $0.balloon = .init(amountMib: -1) },
        Mistake("balloon.amountMib must be <= 16777215") {
            $0.machineConfig.memSizeMib = 1 << 30
            $0.balloon = .init(amountMib: 16_777_216)
        },
        Mistake("balloon.statsPollingIntervalS must be <= 65535") {
            $0.balloon = .init(amountMib: 1, statsPollingIntervalS: 65536)
        },
        Mistake("memoryHotplug.totalSizeMib must be a multiple of memoryHotplug.slotSizeMib, and not 0") {
            $0.memoryHotplug = .init(totalSizeMib: 200)
        },
        Mistake("memoryHotplug.totalSizeMib must be a multiple of memoryHotplug.slotSizeMib, and not 0") {
            $0.memoryHotplug = .init(totalSizeMib: 0)
        },
        Mistake("memoryHotplug.blockSizeMib must be a power of 2 and >= 2") {
            $0.memoryHotplug = .init(totalSizeMib: 128, blockSizeMib: 6)
        },
        Mistake("memoryHotplug.slotSizeMib must be >= 128") {
            $0.memoryHotplug = .init(totalSizeMib: 128, slotSizeMib: 64)
        },
        Mistake("memoryHotplug.slotSizeMib must be a multiple of memoryHotplug.blockSizeMib") {
            $0.memoryHotplug = .init(totalSizeMib: 130, blockSizeMib: 4, slotSizeMib: 130)
        },
        Mistake { $0.memoryHotplug = .init(totalSizeMib: 1024, blockSizeMib: 4, slotSizeMib: 256) },
    ]

    @Test("drives and limits", arguments: Self.drivesMistakes)
    func drives(_ mistake: Mistake) { check(mistake) }

    static let drivesMistakes: [Mistake] = [
        Mistake("drives[0].driveId is required") { $0.drives[0].driveId = "" },
        Mistake("drives[0].driveId must be letters, digits and underscores") { $0.drives[0].driveId = "a/b" },
        Mistake("drives[1].driveId must be unique: there is another 'rootfs'") {
            $0.drives.append(.init(driveId: "rootfs", pathOnHost: "/x"))
        },
        Mistake("drives[1].isRootDevice must be false: drives[0] is the root device already") {
            $0.drives.append(.init(driveId: "b", pathOnHost: "/x", isRootDevice: true))
        },
        Mistake("pmem[0].rootDevice must be false: drives[0] is the root device already") {
            $0.pmem = [.init(id: "p", pathOnHost: "/p", rootDevice: true)]
        },
        Mistake("drives[0].pathOnHost is required") { $0.drives[0].pathOnHost = nil },
        Mistake("drives[0].pathOnHost must not be empty") { $0.drives[0].pathOnHost = "" },
        Mistake("drives[0].partuuid must be printable ASCII without spaces, and not empty") {
            $0.drives[0].partuuid = "a b"
        },
        Mistake { $0.drives[0] = .init(driveId: "root", isRootDevice: true, socket: "/run/vhost.sock") },
        Mistake(
            "drives[0].pathOnHost must not be set together with socket",
            "drives[0].isReadOnly must not be set together with socket",
            "drives[0].ioEngine must not be set together with socket",
            "drives[0].rateLimiter must not be set together with socket"
        ) {
            $0.drives[0].socket = "/run/vhost.sock"
            $0.drives[0].isReadOnly = true
            $0.drives[0].ioEngine = .async
            $0.drives[0].rateLimiter = .init()
        },
        Mistake(
            "drives[0].rateLimiter.bandwidth.size must be >= 1",
            "drives[0].rateLimiter.ops.refillTime must be >= 1"
        ) {
            $0.drives[0].rateLimiter = .init(
                bandwidth: .init(size: 0, refillTime: 1), ops: .init(size: 1, refillTime: 0))
        },
        Mistake(
            "drives[0].rateLimiter.ops.refillTime must be <= 18446744073709",
            "drives[0].rateLimiter.ops.oneTimeBurst must be >= 0"
        ) {
            $0.drives[0].rateLimiter = .init(
                ops: .init(size: 1, refillTime: 18_446_744_073_710, oneTimeBurst: -1))
        },
        Mistake("pmem[0].id is required", "pmem[0].pathOnHost is required") {
            $0.pmem = [.init(id: "", pathOnHost: "")]
        },
        Mistake("pmem[0].rateLimiter.ops.size must be >= 1", "pmem[1].id must be unique: there is another 'p'") {
            $0.pmem = [
                .init(id: "p", pathOnHost: "/p", rateLimiter: .init(ops: .init(size: -1, refillTime: 1))),
                .init(id: "p", pathOnHost: "/q"),
            ]
        },
        Mistake("entropy.rateLimiter.bandwidth.size must be >= 1") {
            $0.entropy = .init(rateLimiter: .init(bandwidth: .init(size: 0, refillTime: 100)))
        },
        Mistake("serial.serialOutPath must not be empty", "serial.rateLimiter.refillTime must be >= 1") {
            $0.serial = .init(serialOutPath: "", rateLimiter: .init(size: 1, refillTime: 0))
        },
    ]

    @Test("interfaces, vsock, metadata, log and metrics", arguments: Self.devicesMistakes)
    func devices(_ mistake: Mistake) { check(mistake) }

    private static let interfaceName =
        "networkInterfaces[0].hostDevName must be the name of an interface: 1 to 15 bytes without white space, '/', ':' and '%'"
    private static let addressForm =
        "networkInterfaces[0].guestMac must be six pairs of hexadecimal digits between colons"
    private static let addressKind =
        "networkInterfaces[0].guestMac must be the address of one interface: not 00:00:00:00:00:00, and with an even first byte"

    static let devicesMistakes: [Mistake] =
        ["", ".", "..", "a b", "a/b", "tap%d", "eth0:1", "1234567890123456"].map { name in
            Mistake(interfaceName) { $0.networkInterfaces[0].hostDevName = name }
        }
        + ["", "02:00:00:00:00", "02:00:00:00:00:0g", "02-00-00-00-00-01", "2:0:0:0:0:1"].map { address in
            Mistake(addressForm) { $0.networkInterfaces[0].guestMac = address }
        }
        + ["01:00:00:00:00:01", "00:00:00:00:00:00"].map { address in
            Mistake(addressKind) { $0.networkInterfaces[0].guestMac = address }
        }
        + [
            Mistake { $0.networkInterfaces[0] = .init(ifaceId: "eth0") },
            Mistake { $0.networkInterfaces[0].hostDevName = "123456789012345" },
            Mistake("networkInterfaces[0].ifaceId is required") { $0.networkInterfaces[0].ifaceId = "" },
            Mistake(
                "networkInterfaces[1].ifaceId must be unique: there is another 'eth0'",
                "networkInterfaces[1].hostDevName must be unique: only one interface can use the TAP 'tap0'",
                "networkInterfaces[1].guestMac must be unique: another interface has 02:00:00:00:00:AB"
            ) {
                $0.networkInterfaces[0].guestMac = "02:00:00:00:00:ab"
                $0.networkInterfaces.append($0.networkInterfaces[0])
                $0.networkInterfaces[1].guestMac = "02:00:00:00:00:AB"
            },
            Mistake("networkInterfaces[0].mtu must be >= 68") { $0.networkInterfaces[0].mtu = 67 },
            Mistake("networkInterfaces[0].mtu must be <= 65535") { $0.networkInterfaces[0].mtu = 65536 },
            Mistake("networkInterfaces[0].rxRateLimiter.ops.size must be >= 1") {
                $0.networkInterfaces[0].rxRateLimiter = .init(ops: .init(size: 0, refillTime: 1))
            },
            Mistake("networkInterfaces[0].txRateLimiter.bandwidth.refillTime must be >= 1") {
                $0.networkInterfaces[0].txRateLimiter = .init(bandwidth: .init(size: 1, refillTime: 0))
            },
            Mistake("vsock.guestCid must be >= 3") { $0.vsock = .init(guestCid: 2, udsPath: "/v") },
            Mistake("vsock.guestCid must be <= 4294967294") { $0.vsock = .init(guestCid: 0xffff_ffff, udsPath: "/v") },
            Mistake("vsock.udsPath is required") { $0.vsock = .init(udsPath: "") },
            Mistake("vsock.udsPath must be at most 102 bytes") {
                $0.vsock = .init(udsPath: "/" + String(repeating: "v", count: 107))
            },
            Mistake("mmds.networkInterfaces must not be empty") { $0.mmds = .init(networkInterfaces: []) },
            Mistake("mmds.networkInterfaces[1] must be the ifaceId of a network interface; there is no 'eth1'") {
                $0.mmds = .init(networkInterfaces: ["eth0", "eth1"])
            },
            Mistake("metrics.metricsPath is required") { $0.metrics = .init(metricsPath: "") },
            Mistake("logger.logPath must not be empty") { $0.logger = .init(logPath: "") },
        ]
        + ["169.254.0.1", "169.254.255.1", "10.0.0.1", "x", "169.254.1", ""].map { address in
            Mistake("mmds.ipv4Address must be an IPv4 address between 169.254.1.0 and 169.254.254.255") {
                $0.mmds = .init(networkInterfaces: ["eth0"], ipv4Address: address)
            }
        }

    @Test("all mistakes are told at once")
    func several() {
        let errors = VMConfig(
            id: "-", machineConfig: .init(vcpuCount: 0, memSizeMib: 0), vsock: .init(guestCid: 0, udsPath: "")
        ).validate().errors
        #expect(errors.count == 6, "\(errors)")
    }
}

/// A change that makes a good configuration a bad one, and all that is said of it.
struct Mistake: Sendable, CustomTestStringConvertible {
    var errors: [String]
    var make: @Sendable (inout VMConfig) -> Void

    init(_ errors: String..., make: @escaping @Sendable (inout VMConfig) -> Void) {
        self.errors = errors
        self.make = make
    }

    var testDescription: String { errors.joined(separator: "; ") }
}
