internal import FirecrackerAPI

/// Which slot of the PCI bus each device has that can be unplugged: what a snapshot must know beside the configuration.
struct PCISlots: Hashable, Sendable {
    enum Device: Hashable, Sendable {
        case drive(String)
        case interface(String)

        /// An id has no `/` in it.
        var name: String {
            switch self {
            case .drive(let id): "drive/\(id)"
            case .interface(let id): "interface/\(id)"
            }
        }
    }

    /// Firecracker's bus has 32 places, the first of which is the bus's own.
    static let range = 1...31

    /// By the devices' names.
    private var slots: [String: Int] = [:]

    init() {}

    subscript(device: Device) -> Int? { slots[device.name] }

    /// Gives a device the first free slot; nil if there is none.
    mutating func take(for device: Device) -> Int? {
        let slot = Self.range.first { !slots.values.contains($0) }
        slots[device.name] = slot
        return slot
    }

    mutating func free(_ device: Device) {
        slots[device.name] = nil
    }

    // MARK: In a snapshot

    var json: JSONValue {
        var object = JSONObject()
        for (name, slot) in slots.sorted(by: { $0.key < $1.key }) { object[name] = .unsigned(UInt64(slot)) }
        return .object(object)
    }

    /// Nil for a value that is none, or in which two devices are in one slot.
    init?(_ json: JSONValue) {
        guard case .object(let members) = json else { return nil }
        for member in members.members {
            guard let slot = member.value.unsigned.flatMap({ Int(exactly: $0) }), Self.range.contains(slot),
                !slots.values.contains(slot)
            else { return nil }
            slots[member.name] = slot
        }
    }
}

extension VMConfiguration {
    /// The devices that can be unplugged from a PCI bus, in Firecracker's order.
    var removableDevices: [PCISlots.Device] {
        drives.filter { !$0.isRootDevice }.map { .drive($0.driveId) }
            + networkInterfaces.map { .interface($0.ifaceId) }
    }
}
