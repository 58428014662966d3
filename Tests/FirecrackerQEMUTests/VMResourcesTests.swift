import FirecrackerAPI
import Linux
import Synchronization
import Testing

@testable import FirecrackerQEMU

/// A host of names: what it has can be opened, and every TAP by one at a time.
final class FakeHost: Host {
    private let files: Mutex<Set<String>>
    private let busyTaps = Mutex<[String: WeakDescriptor]>([:])

    private struct WeakDescriptor {
        weak var value: SharedDescriptor?
    }

    init(files: Set<String> = []) {
        self.files = Mutex(files)
    }

    var fileNames: Set<String> { files.withLock { $0 } }

    private static func descriptor() throws(Errno) -> SharedDescriptor {
        SharedDescriptor(try EventCounter().descriptor.duplicate())
    }

    func openFile(_ path: String, writable: Bool) throws(Errno) -> SharedDescriptor {
        if writable, path.hasSuffix("/") { throw .isDirectory }
        guard fileNames.contains(path) else { throw .noSuchFile }
        return try Self.descriptor()
    }

    func openTap(_ name: String) throws(Errno) -> SharedDescriptor {
        if name.utf8.count > 15 { throw .nameTooLong }
        if busyTaps.withLock({ $0[name]?.value }) != nil { throw .busy }
        let tap = try Self.descriptor()
        busyTaps.withLock { $0[name] = WeakDescriptor(value: tap) }
        return tap
    }

    func listenOnSocket(_ path: String) throws(Errno) -> SharedDescriptor {
        if path.utf8.count > 107 { throw .nameTooLong }
        guard !fileNames.contains(path) else { throw .addressInUse }
        _ = files.withLock { $0.insert(path) }
        return try Self.descriptor()
    }

    func connectToSocket(_ path: String) throws(Errno) -> SharedDescriptor {
        guard fileNames.contains(path) else { throw .noSuchFile }
        return try Self.descriptor()
    }

    func removeFile(_ path: String) throws(Errno) {
        guard files.withLock({ $0.remove(path) }) != nil else { throw .noSuchFile }
    }
}

@Suite("The configuration of a microVM")
struct VMResourcesTests {
    private func resources(_ files: String...) -> VMResources {
        VMResources(host: FakeHost(files: Set(files)))
    }

    private func drive(_ id: String, root: Bool = false, path: String? = "/d") -> Drive {
        Drive(driveId: id, isRootDevice: root, pathOnHost: path)
    }

    private func fault(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? APIFault)?.message
        }
    }

    @Test("The root drive stands first, the others in the order of their first PUT")
    func driveOrder() throws {
        var vm = resources("/d")
        for id in ["a", "b"] { try vm.setDrive(drive(id)) }
        try vm.setDrive(drive("r", root: true))
        try vm.setDrive(drive("a"))
        #expect(vm.configuration.drives.map(\.driveId) == ["r", "a", "b"])
        // One that becomes the root trades places with the first.
        try vm.setDrive(drive("r"))
        try vm.setDrive(drive("b", root: true))
        #expect(vm.configuration.drives.map(\.driveId) == ["b", "a", "r"])
    }

    @Test("There is one root device, whatever its kind")
    func oneRoot() throws {
        var vm = resources("/d")
        try vm.setDrive(drive("r", root: true))
        #expect(
            fault { try vm.setDrive(drive("s", root: true)) }
                == "Drive config error: A root block device already exists!")
        let pmem = Pmem(id: "p", pathOnHost: "/p", rootDevice: true)
        #expect(
            fault { try vm.setPmem(pmem) }
                == "Pmem config error: Attempt to add pmem as a root device while the root device defined as a block device"
        )
        try vm.setDrive(drive("r"))
        try vm.setPmem(pmem)
        #expect(
            fault { try vm.setDrive(drive("r", root: true)) }
                == "Drive config error: Attempt to add block as a root device while the root device defined as a pmem device"
        )
    }

    @Test("A drive has one back end, and what is behind it must open")
    func driveBackends() {
        var vm = resources("/d", "/socket")
        let failure = "Drive config error: Unable to create the virtio block device: "
        #expect(fault { try vm.setDrive(drive("d", path: nil)) } == failure + "Invalid block config.")
        #expect(
            fault { try vm.setDrive(Drive(driveId: "d", isRootDevice: false, pathOnHost: "/d", socket: "/socket")) }
                == failure + "Invalid block config.")
        #expect(
            fault { try vm.setDrive(drive("d", path: "/none")) } == failure
                + "Virtio backend error: Error manipulating the backing file: No such file or directory (os error 2) /none"
        )
        #expect(fault { try vm.setDrive(Drive(driveId: "d", isRootDevice: false, socket: "/socket")) } == nil)
    }

    @Test("PUT /machine-config forgets all but the CPU template, PATCH changes what it names")
    func machineConfig() throws {
        var vm = resources()
        try vm.setMachineConfig(MachineConfig(vcpuCount: 4, memSizeMib: 256, smt: true, cpuTemplate: .t2))
        try vm.setMachineConfig(MachineConfig(vcpuCount: 1, memSizeMib: 128))
        #expect(vm.machineConfig == MachineConfig(vcpuCount: 1, memSizeMib: 128, cpuTemplate: .t2))
        try vm.updateMachineConfig(MachineConfigUpdate(memSizeMib: 64, cpuTemplate: .empty))
        #expect(vm.machineConfig == MachineConfig(vcpuCount: 1, memSizeMib: 64))
    }

    @Test(
        "Impossible machines are refused, and the one before stays",
        arguments: [
            MachineConfig(vcpuCount: 0, memSizeMib: 1), MachineConfig(vcpuCount: 33, memSizeMib: 1),
            MachineConfig(vcpuCount: 3, memSizeMib: 1, smt: true), MachineConfig(vcpuCount: 1, memSizeMib: 0),
            MachineConfig(vcpuCount: 1, memSizeMib: 3, hugePages: .hugetlbfs2M),
            MachineConfig(vcpuCount: 1, memSizeMib: 15),
        ])
    func impossibleMachines(config: MachineConfig) throws {
        var vm = resources()
        try vm.setBalloon(BalloonConfig(amountMib: 16, deflateOnOom: true))
        #expect(throws: APIFault.self) { try vm.setMachineConfig(config) }
        #expect(vm.machineConfig == MachineConfig(vcpuCount: 1, memSizeMib: 128))
    }

    @Test("A limit of nothing is none")
    func limiters() throws {
        #expect(RateLimiter(bandwidth: TokenBucket(size: 0, refillTime: 1)).effective == nil)
        #expect(RateLimiter(ops: TokenBucket(size: .max, refillTime: .max)).effective == nil)
        #expect(
            RateLimiter(ops: TokenBucket(size: 1, refillTime: 2, oneTimeBurst: 0)).effective
                == RateLimiter(ops: TokenBucket(size: 1, refillTime: 2)))
    }

    @Test("An interface that is put again goes to the end, and the last takes its place")
    func interfaceOrder() throws {
        var vm = resources()
        for id in ["a", "b", "c"] { try vm.setNetworkInterface(NetworkInterface(ifaceId: id, hostDevName: "tap\(id)")) }
        try vm.setNetworkInterface(NetworkInterface(ifaceId: "a", hostDevName: "tapa"))
        #expect(vm.interfaces.map(\.config.ifaceId) == ["c", "b", "a"])
    }

    @Test("A MAC address belongs to one interface, and a TAP too")
    func interfaceConflicts() throws {
        var vm = resources()
        let mac = "06:00:00:00:00:01"
        try vm.setNetworkInterface(NetworkInterface(ifaceId: "a", hostDevName: "tap0", guestMac: mac))
        #expect(
            fault { try vm.setNetworkInterface(NetworkInterface(ifaceId: "b", hostDevName: "tap1", guestMac: mac)) }
                == "Network config error: The MAC address is already in use: \(mac)")
        #expect(
            fault { try vm.setNetworkInterface(NetworkInterface(ifaceId: "b", hostDevName: "tap0")) }
                == "Network config error: Could not create the network device: Open tap device failed: Error while "
                + "creating ifreq structure: Device or resource busy (os error 16). Invalid TUN/TAP Backend provided by "
                + "tap0. Check our documentation on setting up the network devices.")
    }

    @Test("A vsock device that is put again gives up the old one first")
    func vsock() throws {
        let host = FakeHost()
        var vm = VMResources(host: host)
        try vm.setVsock(VsockConfig(guestCid: 3, udsPath: "/v", vsockId: "x"))
        #expect(vm.configuration.vsock == VsockConfig(guestCid: 3, udsPath: "/v"))
        try vm.setVsock(VsockConfig(guestCid: 4, udsPath: "/w"))
        #expect(host.fileNames == ["/w"])
        try host.removeFile("/w")
        let failure =
            "Vsock config error: Cannot create backend for vsock device: Error binding to the host-side Unix socket: "
        #expect(
            fault { try vm.setVsock(VsockConfig(guestCid: 3, udsPath: "/v")) }
                == failure + "No such file or directory (os error 2)")
        #expect(vm.vsock == nil)
        #expect(
            fault { try vm.setVsock(VsockConfig(guestCid: 3, udsPath: String(repeating: "x", count: 108))) }
                == failure + "path must be shorter than SUN_LEN")
    }

    @Test("Metadata is served where the configuration says, until the interface is put again")
    func metadataConfig() throws {
        var vm = resources()
        try vm.setNetworkInterface(NetworkInterface(ifaceId: "a", hostDevName: "tap0"))
        #expect(vm.metadataConfig == nil)
        try vm.setMetadataConfig(MMDSConfig(networkInterfaces: ["a"], version: .v2))
        #expect(
            vm.metadataConfig == MMDSConfig(networkInterfaces: ["a"], version: .v2, ipv4Address: "169.254.169.254"))
        #expect(
            fault { try vm.setMetadataConfig(MMDSConfig(networkInterfaces: [], ipv4Address: "169.254.0.1")) }
                == "MMMDS config error: The MMDS IPv4 address is not link local.")
        try vm.setNetworkInterface(NetworkInterface(ifaceId: "a", hostDevName: "tap0"))
        #expect(vm.metadataConfig == nil)
    }

    @Test("The metadata store has a limit, and a patch needs a store")
    func metadataStore() throws {
        var store = MetadataStore(sizeLimit: 10)
        #expect(throws: APIFault.metadataNotInitialized) { try store.patch(.object(JSONObject())) }
        try store.put(.string("12345678"))
        #expect(throws: APIFault("MMDS limit exceeded error: The MMDS patch request doesn't fit.", status: 413)) {
            try store.put(.string("123456789"))
        }
        #expect(store.shown == .string("12345678"))
        try store.put(.null)
        #expect(store.shown == .object(JSONObject()))
    }

    @Test("What QEMU cannot give is told at the start, not left out")
    func unsupportedFeature() throws {
        var vm = resources("/k", "/socket")
        try vm.setBootSource(BootSource(kernelImagePath: "/k"))
        #expect(vm.unsupportedFeature() == nil)
        try vm.setDrive(Drive(driveId: "d", isRootDevice: false, socket: "/socket"))
        #expect(vm.unsupportedFeature() == nil)
        vm.setEntropy(EntropyConfig(rateLimiter: RateLimiter(ops: TokenBucket(size: 1, refillTime: 1))))
        #expect(vm.unsupportedFeature() == nil)
        try vm.setMachineConfig(MachineConfig(vcpuCount: 1, memSizeMib: 128, cpuTemplate: .t2))
        #expect(vm.unsupportedFeature()?.contains("cannot apply templates") == true)
        #expect(throws: MachineFault.self) { try vm.machineDescription() }
    }
}
