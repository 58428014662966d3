internal import Linux

/// The device's side of a split virtqueue (Virtio 1.2, section 2.7) whose memory belongs to another process.
///
/// Every access is a system call, so that accesses are few and large: one takes the available ring and the descriptor table together,
/// one takes all indirect tables, one gives buffers, used elements and the used ring's head back. The order within a call is what the
/// protocol asks for (x86 keeps it): the available index is read before what it makes valid, the used index is written last.
///
/// What the ring holds was written by the guest, which may be hostile: every number is checked before it is used, chains have a bounded
/// length, and only memory that ``MemoryTable`` knows is touched. A ring that breaks a rule is a ``Fault``, after which the queue is of
/// no use until it is set up again.
struct VirtQueue {
    /// QEMU's addresses of the three parts.
    struct Addresses: Hashable {
        var descriptors: UInt
        var available: UInt
        var used: UInt
    }

    /// A descriptor chain that the driver made available: `spans[firstSpan..<(firstSpan + spanCount)]` of the queue.
    struct Chain: Hashable {
        var head: UInt16
        var firstSpan: Int
        var spanCount: Int
        var byteCount: Int
    }

    enum Direction {
        /// The driver wrote the buffers.
        case fromDriver
        /// The device fills the buffers.
        case toDriver
    }

    /// The rule that a ring breaks.
    enum Fault: Error, Hashable {
        case size, memory, availableIndex, head, chainLength, direction, indirectTable, address
    }

    let direction: Direction
    private(set) var size = 0
    private var addresses: Addresses?
    /// The place in the available ring, modulo 2¹⁶, of the first chain that was not given back.
    private(set) var base: UInt16 = 0
    /// Chains taken from the ring and not given back, oldest first, from `chains[firstChain]` on.
    private(set) var chains: [Chain] = []
    private(set) var firstChain = 0
    private(set) var spans: [MemorySpan] = []
    /// The used elements (head and length) that ``commit(_:local:remote:)`` will write.
    private var finished: [UInt32] = []
    private var finishedCount = 0
    /// Whether the driver wants to be interrupted, and the driver's index, as they were last seen.
    private(set) var wantsInterrupt = true
    private var availableIndex: UInt16 = 0

    /// Whether the driver need not notify of what it makes available, from the next commit on.
    var suppressesKicks = false
    private var usedFlags: UInt16 { suppressesKicks ? 1 : 0 }

    private var available: [UInt8] = []
    private var table: [UInt8] = []
    private var indirect: [UInt8] = []

    /// The longest chain, and the most spans that wait at a time: both sides of a copy are limited to 1,024, of which the used ring needs
    /// some.
    static let largestSize: UInt32 = 1024
    static let longestChain = 128
    static let maximumSpans = 900

    init(_ direction: Direction) {
        self.direction = direction
    }

    // MARK: Set-up

    mutating func setSize(_ value: UInt32) throws(Fault) {
        size = 0
        guard value > 0, value <= Self.largestSize, value & (value - 1) == 0 else { throw .size }
        size = Int(value)
        available = [UInt8](repeating: 0, count: 4 + 2 * size)
        table = [UInt8](repeating: 0, count: 16 * size)
        forget()
    }

    mutating func setAddresses(_ value: Addresses) {
        addresses = value
        forget()
    }

    mutating func setBase(_ value: UInt16) {
        base = value
        forget()
    }

    /// Drops the chains that were taken: they will be taken again from ``base`` on.
    mutating func forget() {
        chains.removeAll(keepingCapacity: true)
        spans.removeAll(keepingCapacity: true)
        firstChain = 0
        finished.removeAll(keepingCapacity: true)
        finishedCount = 0
    }

    var isReady: Bool { addresses != nil && size > 0 }

    /// How many chains wait to be used.
    var waitingCount: Int { chains.count - firstChain }

    // MARK: Taking

    /// Takes the chains that have become available, as far as there is room for them.
    mutating func fetch(_ memory: some GuestMemory, _ regions: MemoryTable) throws(Fault) {
        guard let addresses, size > 0, finishedCount == 0 else { return }
        if firstChain == chains.count || spans.count > Self.maximumSpans / 2 { dropUsedChains() }
        guard spans.count < Self.maximumSpans else { return }
        try readRing(memory, addresses)

        let taken = UInt16(truncatingIfNeeded: waitingCount)
        let count = Int(availableIndex &- base)
        guard count <= size, waitingCount <= count else { throw .availableIndex }
        var tables: [(chain: Int, address: UInt64, count: Int)] = []
        var position = base &+ taken
        var spare = Self.maximumSpans - spans.count
        while position != availableIndex, spare > 0 {
            let head = available.integer(at: 4 + 2 * (Int(position) & (size - 1)), as: UInt16.self)
            let first = spans.count
            var chain = Chain(head: head, firstSpan: first, spanCount: 0, byteCount: 0)
            if let table = try walk(Table(start: 0, count: size, isIndirect: false), from: head, regions, &chain) {
                tables.append((chains.count, table.address, table.count))
                spare -= table.count
            } else {
                spare -= chain.spanCount
            }
            chains.append(chain)
            position &+= 1
        }
        if !tables.isEmpty { try expand(tables, memory, regions) }
    }

    private mutating func dropUsedChains() {
        let used = firstChain < chains.count ? chains[firstChain].firstSpan : spans.count
        spans.removeFirst(used)
        chains.removeFirst(firstChain)
        firstChain = 0
        for index in chains.indices { chains[index].firstSpan -= used }
    }

    private mutating func readRing(_ memory: some GuestMemory, _ addresses: Addresses) throws(Fault) {
        let complete = available.withUnsafeMutableBytes { available in
            table.withUnsafeMutableBytes { table in
                let local = [
                    MemorySpan(address: UInt(bitPattern: available.baseAddress), count: available.count),
                    MemorySpan(address: UInt(bitPattern: table.baseAddress), count: table.count),
                ]
                // The index on its own first: what it makes valid must be read after it.
                let remote = [
                    MemorySpan(address: addresses.available, count: 4),
                    MemorySpan(address: addresses.available &+ 4, count: available.count - 4),
                    MemorySpan(address: addresses.descriptors, count: table.count),
                ]
                return local.withUnsafeBufferPointer { local in
                    remote.withUnsafeBufferPointer { memory.fill(local, from: $0) }
                }
            }
        }
        guard complete else { throw .memory }
        noteFlags()
    }

    private mutating func noteFlags() {
        wantsInterrupt = available.integer(at: 0, as: UInt16.self) & 1 == 0
        availableIndex = available.integer(at: 2, as: UInt16.self)
    }

    /// A descriptor table: the ring's own, or one of those in `indirect`.
    private struct Table {
        var start: Int
        var count: Int
        var isIndirect: Bool
    }

    /// Follows a chain through a table and appends its stretches of memory. The indirect table that it consists of, if it does.
    private mutating func walk(
        _ table: Table, from head: UInt16, _ regions: MemoryTable, _ chain: inout Chain
    ) throws(Fault) -> (address: UInt64, count: Int)? {
        var index = Int(head)
        for step in 1...min(table.count, Self.longestChain) {
            guard index < table.count else { throw .head }
            let descriptor = TableEntry(table.isIndirect ? indirect : self.table, at: table.start + 16 * index)
            if descriptor.isTable {
                // A table stands alone and holds none.
                guard !table.isIndirect, step == 1, !descriptor.continues, descriptor.length > 0,
                    descriptor.length % 16 == 0, descriptor.length <= 16 * Self.longestChain
                else { throw .indirectTable }
                return (descriptor.address, descriptor.length / 16)
            }
            guard descriptor.isWritable == (direction == .toDriver) else { throw .direction }
            guard regions.translate(descriptor.address, count: descriptor.length, into: &spans) else { throw .address }
            chain.byteCount += descriptor.length
            chain.spanCount = spans.count - chain.firstSpan
            guard chain.spanCount <= Self.longestChain else { throw .chainLength }
            if !descriptor.continues { return nil }
            index = Int(descriptor.next)
        }
        throw .chainLength
    }

    private struct TableEntry {
        var address: UInt64
        var length: Int
        var next: UInt16
        var continues: Bool
        var isWritable: Bool
        var isTable: Bool

        init(_ table: [UInt8], at place: Int) {
            address = table.integer(at: place, as: UInt64.self)
            length = Int(table.integer(at: place + 8, as: UInt32.self))
            let flags = table.integer(at: place + 12, as: UInt16.self)
            next = table.integer(at: place + 14, as: UInt16.self)
            continues = flags & 1 != 0
            isWritable = flags & 2 != 0
            isTable = flags & 4 != 0
        }
    }

    /// Reads indirect tables, all at once, and follows the chains in them.
    private mutating func expand(
        _ tables: [(chain: Int, address: UInt64, count: Int)], _ memory: some GuestMemory, _ regions: MemoryTable
    ) throws(Fault) {
        var remote: [MemorySpan] = []
        var total = 0
        for table in tables {
            guard regions.translate(table.address, count: 16 * table.count, into: &remote) else { throw .address }
            total += 16 * table.count
        }
        if indirect.count < total { indirect = [UInt8](repeating: 0, count: total) }
        guard remote.count <= ProcessMemory.maximumSpans,
            indirect.withUnsafeMutableBytes({
                memory.fill(UnsafeMutableRawBufferPointer(rebasing: $0[..<total]), from: remote)
            })
        else { throw .memory }
        var start = 0
        for table in tables {
            var chain = chains[table.chain]
            chain.firstSpan = spans.count
            _ = try walk(Table(start: start, count: table.count, isIndirect: true), from: 0, regions, &chain)
            chains[table.chain] = chain
            start += 16 * table.count
        }
    }

    // MARK: Giving back

    /// The oldest chain that waits.
    var nextChain: Chain? { firstChain < chains.count ? chains[firstChain] : nil }

    /// Marks the oldest chain as used. The driver sees it after ``commit(_:local:remote:)``.
    ///
    /// - Parameter written: The bytes that the device wrote into it.
    mutating func finish(written: Int) {
        guard let chain = nextChain else { return }
        finished.append(UInt32(chain.head))
        finished.append(UInt32(truncatingIfNeeded: written))
        firstChain += 1
        finishedCount += 1
    }

    /// Writes buffers, the used elements of the finished chains, and then the used index, in one copy.
    ///
    /// - Parameters:
    ///   - local: The bytes for the buffers, in this process. The used ring is appended.
    ///   - remote: Where they go.
    mutating func commit(
        _ memory: some GuestMemory, local: inout [MemorySpan], remote: inout [MemorySpan]
    ) throws(Fault) {
        guard let addresses, finishedCount > 0 else { return }
        let start = Int(base) & (size - 1)
        let untilWrap = min(finishedCount, size - start)
        base &+= UInt16(truncatingIfNeeded: finishedCount)
        var header = [usedFlags.littleEndian, base.littleEndian]
        remote.append(MemorySpan(address: addresses.used &+ UInt(4 + 8 * start), count: 8 * untilWrap))
        if untilWrap < finishedCount {
            remote.append(MemorySpan(address: addresses.used &+ 4, count: 8 * (finishedCount - untilWrap)))
        }
        remote.append(MemorySpan(address: addresses.used, count: 4))
        let complete = finished.withUnsafeBytes { elements in
            header.withUnsafeMutableBytes { header in
                local.append(MemorySpan(address: UInt(bitPattern: elements.baseAddress), count: elements.count))
                local.append(MemorySpan(address: UInt(bitPattern: header.baseAddress), count: header.count))
                return local.withUnsafeBufferPointer { local in
                    remote.withUnsafeBufferPointer { memory.store(local, to: $0) }
                }
            }
        }
        finished.removeAll(keepingCapacity: true)
        finishedCount = 0
        guard complete else { throw .memory }
    }

    /// Tells the driver at once what ``suppressesKicks`` says, which it otherwise learns at the next commit. After `false` the ring must
    /// be looked at again: the driver may have been silent until then.
    mutating func setSuppressesKicks(_ value: Bool, _ memory: some GuestMemory) throws(Fault) {
        suppressesKicks = value
        guard let addresses else { return }
        var flags = usedFlags.littleEndian
        let complete = withUnsafeMutableBytes(of: &flags) { flags in
            let local = [MemorySpan(address: UInt(bitPattern: flags.baseAddress), count: 2)]
            let remote = [MemorySpan(address: addresses.used, count: 2)]
            return local.withUnsafeBufferPointer { local in
                remote.withUnsafeBufferPointer { memory.store(local, to: $0) }
            }
        }
        guard complete else { throw .memory }
    }

    /// Looks whether the driver wants an interrupt for what was committed, and whether it has made more available meanwhile.
    mutating func refresh(_ memory: some GuestMemory) throws(Fault) {
        guard let addresses else { return }
        let complete = available.withUnsafeMutableBytes {
            memory.fill(
                UnsafeMutableRawBufferPointer(rebasing: $0[..<4]),
                from: [MemorySpan(address: addresses.available, count: 4)])
        }
        guard complete else { throw .memory }
        noteFlags()
    }

    /// Whether the driver has made chains available that were not taken, as far as was last seen.
    var hasMore: Bool { availableIndex != base &+ UInt16(truncatingIfNeeded: finishedCount + waitingCount) }
}
