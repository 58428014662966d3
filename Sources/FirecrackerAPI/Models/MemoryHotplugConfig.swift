/// The virtio-mem device: the body of `PUT /hotplug/memory`.
public struct MemoryHotplugConfig: WireModel {
    /// How much can be plugged, in MiB; a multiple of the slot size.
    public var totalSizeMib: UInt
    /// What is plugged at a time, in MiB; a power of two from 2.
    public var blockSizeMib: UInt
    /// What the VMM protects at a time, in MiB; at least 128, a multiple of the block size.
    public var slotSizeMib: UInt

    /// Each parameter sets the property of its name, which says what it means.
    public init(totalSizeMib: UInt, blockSizeMib: UInt = 2, slotSizeMib: UInt = 128) {
        self.totalSizeMib = totalSizeMib
        self.blockSizeMib = blockSizeMib
        self.slotSizeMib = slotSizeMib
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "MemoryHotplugConfig", initial: MemoryHotplugConfig(totalSizeMib: 0),
        [
            .required("total_size_mib", \.totalSizeMib),
            .defaulted("block_size_mib", \.blockSizeMib),
            .defaulted("slot_size_mib", \.slotSizeMib),
        ])
}

extension MemoryHotplugConfig {
    /// The smallest block, in MiB.
    public static let minimumBlockSizeMib: UInt = 2
    /// The smallest slot, in MiB.
    public static let minimumSlotSizeMib: UInt = 128
}

/// The body of `PATCH /hotplug/memory`.
public struct MemoryHotplugUpdate: WireModel {
    /// How much is to be plugged, in MiB.
    public var requestedSizeMib: UInt

    /// Each parameter sets the property of its name, which says what it means.
    public init(requestedSizeMib: UInt) {
        self.requestedSizeMib = requestedSizeMib
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "MemoryHotplugSizeUpdate", initial: MemoryHotplugUpdate(requestedSizeMib: 0),
        [
            .required("requested_size_mib", \.requestedSizeMib)
        ])
}

/// The answer of `GET /hotplug/memory`.
public struct MemoryHotplugStatus: WireModel {
    /// What is plugged at a time, in MiB.
    public var blockSizeMib: UInt
    /// How much can be plugged, in MiB.
    public var totalSizeMib: UInt
    /// What the VMM protects at a time, in MiB.
    public var slotSizeMib: UInt
    /// How much the guest has plugged, in MiB.
    public var pluggedSizeMib: UInt
    /// How much it is asked to, in MiB.
    public var requestedSizeMib: UInt

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        blockSizeMib: UInt, totalSizeMib: UInt, slotSizeMib: UInt, pluggedSizeMib: UInt, requestedSizeMib: UInt
    ) {
        self.blockSizeMib = blockSizeMib
        self.totalSizeMib = totalSizeMib
        self.slotSizeMib = slotSizeMib
        self.pluggedSizeMib = pluggedSizeMib
        self.requestedSizeMib = requestedSizeMib
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "VirtioMemStatus",
        initial: MemoryHotplugStatus(
            blockSizeMib: 2, totalSizeMib: 0, slotSizeMib: 128, pluggedSizeMib: 0, requestedSizeMib: 0),
        [
            .required("block_size_mib", \.blockSizeMib),
            .required("total_size_mib", \.totalSizeMib),
            .required("slot_size_mib", \.slotSizeMib),
            .required("plugged_size_mib", \.pluggedSizeMib),
            .required("requested_size_mib", \.requestedSizeMib),
        ])
}
