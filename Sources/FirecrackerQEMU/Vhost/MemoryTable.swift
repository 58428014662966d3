internal import Linux

/// Where the guest's memory lies in QEMU's address space.
struct MemoryTable: Hashable {
    struct Region: Hashable {
        var guestAddress: UInt64
        var size: UInt64
        var address: UInt
    }

    /// Sorted by guest address; none is empty, none overlap and none wraps around.
    private(set) var regions: [Region] = []

    init() {}

    /// Nil if regions overlap or wrap around.
    init?(_ given: [Region]) {
        regions = given.filter { $0.size > 0 }.sorted { $0.guestAddress < $1.guestAddress }
        var end: UInt64 = 0
        for region in regions {
            let (guestEnd, wraps) = region.guestAddress.addingReportingOverflow(region.size)
            guard !wraps, region.guestAddress >= end, region.size <= UInt64(UInt.max - region.address) else {
                return nil
            }
            end = guestEnd
        }
    }

    /// `struct vhost_memory`, with its regions.
    init?(vhostMemory bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        let count = Int(bytes.integer(at: 0, as: UInt32.self))
        guard count <= Self.maximumRegions, bytes.count >= 8 + count * Self.regionSize else { return nil }
        self.init(
            (0..<count).map { index in
                let place = 8 + index * Self.regionSize
                return Region(
                    guestAddress: bytes.integer(at: place, as: UInt64.self),
                    size: bytes.integer(at: place + 8, as: UInt64.self),
                    address: UInt(bytes.integer(at: place + 16, as: UInt64.self)))
            })
    }

    static let maximumRegions = 64
    static let regionSize = 32

    /// Appends the stretches of QEMU's memory that make up a stretch of the guest's. False, with `spans` as it was, if any byte of it
    /// is not the guest's memory.
    func translate(_ guestAddress: UInt64, count: Int, into spans: inout [MemorySpan]) -> Bool {
        let before = spans.count
        var address = guestAddress
        var left = UInt64(count)
        while left > 0 {
            guard let region = regions.last(where: { $0.guestAddress <= address }),
                address - region.guestAddress < region.size
            else {
                spans.removeSubrange(before...)
                return false
            }
            let offset = address - region.guestAddress
            let length = min(left, region.size - offset)
            spans.append(MemorySpan(address: region.address + UInt(offset), count: Int(length)))
            address += length
            left -= length
        }
        return true
    }
}
