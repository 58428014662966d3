/// Where a guest's memory, and that of its memory devices, lies.
///
/// Theory of operation. QEMU's microvm maps no memory device, but its RAM may be put together from several pieces (as NUMA nodes, of
/// which this machine's firmware tells the guest nothing). So the pieces behind the guest's own memory are the devices': the firmware
/// calls them RAM too, and the kernel's command line takes them away again (`memmap=<size>$<address>`, reserved). A device then tells its
/// driver the address. They lie above 4 GiB, because the machine has a hole before that; a gap that is never written, and so takes no
/// memory, leads there. QEMU puts the initrd at the end of the memory below 4 GiB, which then is in the gap: Linux moves an initrd
/// that is not in its memory.
struct MemoryMap: Hashable {
    enum Content: Hashable {
        case memory
        case gap
        /// By its place among the devices.
        case persistentMemory(Int)
        case hotplugMemory
    }

    struct Piece: Hashable {
        var content: Content
        /// In bytes.
        var size: UInt64
    }

    /// As QEMU lays them out, without a space between them.
    private(set) var pieces: [Piece] = []
    /// What is to be reserved, as the kernel's command line says it.
    private(set) var reservations: [String] = []
    private(set) var hotplugAddress: UInt64?
    private(set) var persistentMemoryAddresses: [UInt64] = []

    /// In bytes.
    var size: UInt64 { pieces.reduce(0) { $0 + $1.size } }
    /// Whether there are memory devices.
    var hasDevices: Bool { pieces.count > 1 }

    /// Of a persistent memory's address and size: what Linux can map.
    static let persistentMemoryUnit: UInt64 = 2 << 20
    static let pageSize: UInt64 = 4096

    /// What the machine has of RAM below 4 GiB at most.
    private static let lowMemory: UInt64 = 3 << 30
    private static let highMemory: UInt64 = 4 << 30
    /// A section of Linux's memory map, in which not everything can stand beside everything.
    private static let alignment: UInt64 = 128 << 20
    /// The emulated processor's physical addresses have 40 bits.
    private static let addressLimit: UInt64 = 1 << 40

    /// - Throws: Firecracker's words for devices that do not fit.
    init(_ description: MachineDescription) throws(MachineFault) {
        let memory = UInt64(clamping: description.memoryMiB) << 20
        pieces = [Piece(content: .memory, size: memory)]
        if description.persistentMemory.isEmpty, description.hotplugMemory == nil { return }

        let start = Self.highMemory + (memory > Self.lowMemory ? memory - Self.lowMemory : 0)
        if memory < Self.lowMemory {
            pieces.append(Piece(content: .gap, size: Self.lowMemory - memory))
            reserve(memory..<Self.lowMemory)
        }
        var end = start
        if let hotplug = description.hotplugMemory {
            let size = UInt64(clamping: hotplug.sizeMiB).multipliedReportingOverflow(by: 1 << 20)
            let alignment = max(Self.alignment, UInt64(clamping: hotplug.blockMiB) << 20)
            hotplugAddress = try add(
                .hotplugMemory, size: size.overflow ? .max : size.partialValue, alignment: alignment, end: &end)
        }
        for (index, device) in description.persistentMemory.enumerated() {
            persistentMemoryAddresses.append(
                try add(.persistentMemory(index), size: device.size, alignment: Self.alignment, end: &end))
        }
        let whole = Self.roundUp(end, to: Self.persistentMemoryUnit)
        addGap(whole - end)
        reserve(start..<whole)
    }

    private mutating func add(
        _ content: Content, size: UInt64, alignment: UInt64, end: inout UInt64
    ) throws(MachineFault) -> UInt64 {
        guard alignment < Self.addressLimit, size < Self.addressLimit else { throw Self.noRoom }
        let address = Self.roundUp(end, to: alignment)
        guard address + size + Self.persistentMemoryUnit <= Self.addressLimit else { throw Self.noRoom }
        addGap(address - end)
        pieces.append(Piece(content: content, size: size))
        end = address + size
        return address
    }

    private mutating func addGap(_ size: UInt64) {
        if size > 0 { pieces.append(Piece(content: .gap, size: size)) }
    }

    private mutating func reserve(_ range: Range<UInt64>) {
        reservations.append("memmap=\((range.upperBound - range.lowerBound) >> 20)M$\(range.lowerBound >> 20)M")
    }

    static func roundUp(_ number: UInt64, to unit: UInt64) -> UInt64 {
        (number + unit - 1) / unit * unit
    }

    private static let noRoom = MachineFault(
        "Failed to allocate guest resource: The requested resource is not available.")
}
