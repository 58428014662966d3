import Linux

@testable import FirecrackerQEMU

/// A guest's memory and the driver's side of its virtqueues, within this process.
final class TestDriver {
    static let guestBase: UInt64 = 0x1000_0000
    static let size = 4 << 20

    let arena = UnsafeMutableRawBufferPointer.allocate(byteCount: TestDriver.size, alignment: 4096)
    let queueSize: Int
    /// Where free memory begins.
    private var top = 0x10000

    /// One queue's place in the arena, and how far the driver is.
    struct Ring {
        var offset: Int
        var availableIndex: UInt16 = 0
        var usedIndex: UInt16 = 0
        var nextDescriptor = 0
    }

    var receive = Ring(offset: 0)
    var transmit = Ring(offset: 0x8000)

    init(queueSize: Int = 64) {
        self.queueSize = queueSize
        arena.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { arena.deallocate() }

    private var base: UInt { UInt(bitPattern: arena.baseAddress) }

    var table: MemoryTable {
        MemoryTable([.init(guestAddress: Self.guestBase, size: UInt64(Self.size), address: base)]) ?? MemoryTable()
    }

    func addresses(_ ring: Ring) -> VirtQueue.Addresses {
        let start = base + UInt(ring.offset)
        return .init(descriptors: start, available: start + 0x4000, used: start + 0x6000)
    }

    func queue(_ direction: VirtQueue.Direction, _ ring: Ring) throws -> VirtQueue {
        var queue = VirtQueue(direction)
        try queue.setSize(UInt32(queueSize))
        queue.setAddresses(addresses(ring))
        return queue
    }

    func put<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
        arena.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }

    func get<Value: FixedWidthInteger>(_ offset: Int, as type: Value.Type = Value.self) -> Value {
        Value(littleEndian: arena.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    func descriptor(_ table: Int, _ index: Int, _ address: UInt64, _ length: Int, flags: UInt16, next: Int = 0) {
        put(address, table + 16 * index)
        put(UInt32(length), table + 16 * index + 8)
        put(flags, table + 16 * index + 12)
        put(UInt16(next), table + 16 * index + 14)
    }

    /// Memory for a buffer: its place in the arena.
    func allocate(_ count: Int) -> Int {
        if top + count > Self.size { top = 0x10000 }
        defer { top += (count + 15) & ~15 }
        return top
    }

    func guestAddress(_ offset: Int) -> UInt64 { Self.guestBase + UInt64(offset) }

    /// Makes a chain of buffers available, through an indirect table if asked.
    func offer(_ ring: inout Ring, _ buffers: [(offset: Int, count: Int)], writable: Bool, indirect: Bool = false) {
        let head = ring.nextDescriptor
        let flags: UInt16 = writable ? 2 : 0
        let table = indirect ? allocate(16 * buffers.count) : ring.offset
        for (index, buffer) in buffers.enumerated() {
            let place = indirect ? index : (head + index) % queueSize
            let next = indirect ? index + 1 : (head + index + 1) % queueSize
            let continues: UInt16 = index + 1 < buffers.count ? 1 : 0
            descriptor(
                table, place, guestAddress(buffer.offset), buffer.count, flags: flags | continues,
                next: continues == 1 ? next : 0)
        }
        if indirect { descriptor(ring.offset, head, guestAddress(table), 16 * buffers.count, flags: 4) }
        ring.nextDescriptor = (head + (indirect ? 1 : buffers.count)) % queueSize
        put(UInt16(head), ring.offset + 0x4004 + 2 * (Int(ring.availableIndex) % queueSize))
        ring.availableIndex &+= 1
        put(ring.availableIndex, ring.offset + 0x4002)
    }

    /// What the device has given back since the last call: head and length.
    func takeUsed(_ ring: inout Ring) -> [(head: UInt32, length: UInt32)] {
        let index: UInt16 = get(ring.offset + 0x6002)
        var result: [(UInt32, UInt32)] = []
        while ring.usedIndex != index {
            let place = ring.offset + 0x6004 + 8 * (Int(ring.usedIndex) % queueSize)
            result.append((get(place), get(place + 4)))
            ring.usedIndex &+= 1
        }
        return result
    }

    /// The guest sends a packet.
    func send(_ header: VsockHeader, _ payload: [UInt8] = [], indirect: Bool = true) {
        let place = allocate(VsockHeader.size + payload.count)
        header.encode(into: UnsafeMutableRawBufferPointer(rebasing: arena[place..<(place + VsockHeader.size)]))
        for (index, byte) in payload.enumerated() { arena[place + VsockHeader.size + index] = byte }
        var buffers = [(offset: place, count: VsockHeader.size)]
        if !payload.isEmpty { buffers.append((place + VsockHeader.size, payload.count)) }
        offer(&transmit, buffers, writable: false, indirect: indirect)
    }

    /// Buffers of the receive queue by head, so that packets can be found in them.
    private var receiveBuffers: [UInt32: Int] = [:]

    func offerReceiveBuffers(_ count: Int, payload: Int = 4096) {
        for _ in 0..<count {
            let place = allocate(VsockHeader.size + payload)
            receiveBuffers[UInt32(receive.nextDescriptor)] = place
            offer(
                &receive, [(place, VsockHeader.size), (place + VsockHeader.size, payload)], writable: true,
                indirect: true)
        }
    }

    /// The packets that the guest has got since the last call.
    func receivedPackets() -> [(header: VsockHeader, payload: [UInt8])] {
        takeUsed(&receive).compactMap { head, length in
            guard let place = receiveBuffers[head],
                let header = VsockHeader(UnsafeRawBufferPointer(rebasing: arena[place..<(place + Int(length))]))
            else { return nil }
            return (header, Array(arena[(place + VsockHeader.size)..<(place + Int(length))]))
        }
    }
}

/// This process itself.
func ownProcess() throws -> ChildProcess { try ChildProcess(adopting: ownProcessID) }

/// This process, whose own memory serves as the guest's.
let ownMemory = ProcessMemory(pid: ownProcessID)
