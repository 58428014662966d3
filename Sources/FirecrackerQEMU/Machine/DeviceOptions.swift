internal import FirecrackerAPI

/// One device of QEMU with its properties, for the command line and for the monitor alike.
///
/// Theory of operation. A virtio device sits in one of virtio-mmio's places or on the PCI bus. There, what can be unplugged (every drive
/// but the root's, every network interface) sits in a slot of a bridge, and all else at an address of its own on the root bus, where nothing
/// can be plugged. The bridge has a standard hot-plug controller, which no guest drives unless it looks for it: so a device comes and goes
/// as with Firecracker, at once and without the guest being told, which rescans the bus after one and removes the device before the other.
/// For that to hold, the slot must have been empty when the machine was reset: what is configured before the start is plugged as well,
/// before the processors run.
struct DeviceOptions {
    enum PropertyValue: Hashable {
        case text(String)
        case number(UInt64)
        case flag(Bool)
    }

    /// Which of QEMU's two kinds of virtio devices.
    enum Transport: Hashable {
        case mmio
        /// On the root bus.
        case root(device: Int)
        /// On the bridge.
        case slot(Int)
    }

    private var properties: [(name: String, value: PropertyValue)]

    private static let bridge = "bridge0"

    /// - Parameters:
    ///   - model: The driver without its ending, such as `virtio-blk`.
    ///   - id: QEMU's.
    init(_ model: String, id: String, _ transport: Transport) {
        switch transport {
        case .mmio:
            // Some of QEMU's virtio devices go by their bare names.
            let driver = model == Self.vhostUserBlock ? model : model + "-device"
            properties = [("driver", .text(driver)), ("id", .text(id))]
        case .root(let device): properties = Self.address(model + "-pci", id, bus: "pcie.0", device)
        case .slot(let slot): properties = Self.address(model + "-pci", id, bus: Self.bridge, slot)
        }
        guard transport != .mmio else { return }
        // Without the registers of before virtio 1.0, and without a ROM, which only a firmware would run.
        self["disable-legacy"] = .text("on")
        self["romfile"] = .text("")
    }

    private init(_ properties: [(name: String, value: PropertyValue)]) {
        self.properties = properties
    }

    private static func address(
        _ driver: String, _ id: String, bus: String, _ device: Int
    ) -> [(name: String, value: PropertyValue)] {
        [
            ("driver", .text(driver)), ("id", .text(id)), ("bus", .text(bus)),
            ("addr", .text(String(device, radix: 16))),
        ]
    }

    /// What the slots are in.
    static var slots: DeviceOptions {
        DeviceOptions(address("pcie-pci-bridge", bridge, bus: "pcie.0", 0x1e))
    }

    static let vhostUserBlock = "vhost-user-blk"

    subscript(name: String) -> PropertyValue? {
        get { properties.first { $0.name == name }?.value }
        set { if let newValue { properties.append((name, newValue)) } }
    }

    /// The value of `-device`.
    var argument: String {
        properties.map { property in
            switch property.value {
            case .text(let text): property.name == "driver" ? text : "\(property.name)=\(text)"
            case .number(let number): "\(property.name)=\(number)"
            case .flag(let isOn): "\(property.name)=\(isOn ? "on" : "off")"
            }
        }.joined(separator: ",")
    }

    /// The arguments of `device_add`.
    var json: JSONValue {
        var object = JSONObject()
        for property in properties {
            object[property.name] =
                switch property.value {
                case .text(let text): .string(text)
                case .number(let number): .unsigned(number)
                case .flag(let isOn): .bool(isOn)
                }
        }
        return .object(object)
    }
}

extension MachineDescription {
    /// Where a device that cannot be unplugged is.
    enum FixedDevice: Int {
        case rootDrive = 1
        case vsock, balloon, entropy
    }

    func transport(_ device: FixedDevice) -> DeviceOptions.Transport {
        isPCI ? .root(device: device.rawValue) : .mmio
    }

    func deviceOptions(_ drive: BlockDevice) -> DeviceOptions {
        let transport: DeviceOptions.Transport = isPCI && drive.place > 0 ? .slot(drive.place) : transport(.rootDrive)
        let nodes = DriveNodes(drive, isBlockDevice: false)
        guard !drive.isVhostUser else {
            var options = DeviceOptions(DeviceOptions.vhostUserBlock, id: nodes.device, transport)
            options["chardev"] = .text(nodes.channel)
            options["num-queues"] = .number(1)
            // The guest cannot switch the cache's mode.
            options["config-wce"] = .flag(false)
            return options
        }
        var options = DeviceOptions("virtio-blk", id: nodes.device, transport)
        options["drive"] = .text(nodes.filterName)
        options["serial"] = .text(String(drive.id.prefix(20)))
        // A guest that sees no cache sends no flushes.
        options["write-cache"] = .text(drive.isWriteback ? "on" : "off")
        // A host without space is an I/O error in the guest, as with Firecracker; QEMU's own way is to stop the machine.
        options["werror"] = .text("report")
        return options
    }

    func deviceOptions(_ interface: NetworkDevice) -> DeviceOptions {
        var options = DeviceOptions(
            "virtio-net", id: "net\(interface.place)", isPCI ? .slot(interface.place) : .mmio)
        options["netdev"] = .text(interface.hostDevice)
        if isPCI {
            // What the vhost-net of this process does not offer an interface must not have that QEMU serves itself: see
            // ``QEMUMachine/plug(_:)-(NetworkDevice)``. A snapshot could not be loaded.
            options["event_idx"] = .flag(false)
            options["queue_reset"] = .flag(false)
        }
        if let address = interface.macAddress { options["mac"] = .text(address) }
        if let mtu = interface.mtu { options["host_mtu"] = .number(UInt64(mtu)) }
        return options
    }

    func deviceOptions(_ vsock: Vsock, vhost: Int) -> DeviceOptions {
        var options = DeviceOptions("vhost-vsock", id: "vsock0", transport(.vsock))
        options["guest-cid"] = .number(UInt64(vsock.guestCID))
        options["vhostfd"] = .text("\(vhost)")
        options["event_idx"] = .flag(false)
        return options
    }

    func deviceOptions(_ balloon: Balloon) -> DeviceOptions {
        var options = DeviceOptions("virtio-balloon", id: "balloon0", transport(.balloon))
        options["free-page-reporting"] = .flag(balloon.reportsFreePages)
        options["deflate-on-oom"] = .flag(balloon.deflatesOnOutOfMemory)
        // Without it, as Firecracker's balloon is, a guest that counts on free pages' content reports none.
        options["page-poison"] = .flag(false)
        return options
    }

    var entropyOptions: DeviceOptions {
        var options = DeviceOptions("virtio-rng", id: "entropy0", transport(.entropy))
        options["rng"] = .text("rng0")
        return options
    }
}

extension MachineDescription.NetworkDevice {
    /// QEMU's name of what its frames go to.
    var hostDevice: String { "tap\(place)" }
}
