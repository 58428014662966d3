import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

let ownProcessID = getpid()

@Suite("Virtqueues seen from outside")
struct VirtQueueTests {
    private func bytes(_ spans: ArraySlice<MemorySpan>, _ driver: TestDriver) -> [Range<Int>] {
        let base = UInt(bitPattern: driver.arena.baseAddress)
        return spans.map { Int($0.address - base)..<(Int($0.address - base) + $0.count) }
    }

    @Test("chains are found in the ring's table and in indirect tables", arguments: [false, true])
    func fetch(_ indirect: Bool) throws {
        let driver = TestDriver()
        var queue = try driver.queue(.fromDriver, driver.transmit)
        driver.offer(&driver.transmit, [(0x20000, 44), (0x30000, 100)], writable: false, indirect: indirect)
        driver.offer(&driver.transmit, [(0x40000, 7)], writable: false, indirect: indirect)
        try queue.fetch(ownMemory, driver.table)
        #expect(queue.waitingCount == 2)
        let first = try #require(queue.nextChain)
        #expect(first.byteCount == 144)
        #expect(
            bytes(queue.spans[first.firstSpan..<(first.firstSpan + first.spanCount)], driver) == [
                0x20000..<(0x20000 + 44), 0x30000..<(0x30000 + 100),
            ])
        // Asking again takes nothing twice.
        try queue.fetch(ownMemory, driver.table)
        #expect(queue.waitingCount == 2)
    }

    @Test("used chains are given back in order, over the ring's end and over the index's")
    func commit() throws {
        let driver = TestDriver(queueSize: 4)
        var queue = try driver.queue(.fromDriver, driver.transmit)
        for round in 0..<30000 {
            let heads = (0..<3).map { (driver.transmit.nextDescriptor + $0) % 4 }
            for _ in 0..<3 { driver.offer(&driver.transmit, [(0x20000, 44)], writable: false) }
            try queue.fetch(ownMemory, driver.table)
            #expect(queue.waitingCount == 3)
            for index in 0..<3 { queue.finish(written: round + index) }
            var local: [MemorySpan] = []
            var remote: [MemorySpan] = []
            try queue.commit(ownMemory, local: &local, remote: &remote)
            let used = driver.takeUsed(&driver.transmit)
            guard used.map(\.head) == heads.map(UInt32.init), used.map(\.length) == (0..<3).map({ UInt32(round + $0) })
            else {
                Issue.record("round \(round): \(used)")
                return
            }
        }
        #expect(queue.base == UInt16(truncatingIfNeeded: 90000))
    }

    @Test("chains can always wait, and others be taken, without end")
    func waiting() throws {
        let driver = TestDriver()
        var queue = try driver.queue(.fromDriver, driver.transmit)
        driver.offer(&driver.transmit, [(0x20000, 1)], writable: false)
        for round in 1..<3000 {
            driver.offer(&driver.transmit, [(0x20000 + 16 * (round % 64), round % 64 + 1)], writable: false)
            try queue.fetch(ownMemory, driver.table)
            let chain = try #require(queue.nextChain)
            guard queue.waitingCount == 2, chain.byteCount == (round - 1) % 64 + 1, chain.spanCount == 1,
                queue.spans[chain.firstSpan].count == chain.byteCount
            else {
                Issue.record("round \(round): \(queue.waitingCount) wait, \(chain)")
                return
            }
            queue.finish(written: 0)
            var local: [MemorySpan] = []
            var remote: [MemorySpan] = []
            try queue.commit(ownMemory, local: &local, remote: &remote)
        }
    }

    @Test("the driver's wish for interrupts and for silence is heard and told")
    func flags() throws {
        let driver = TestDriver()
        var queue = try driver.queue(.fromDriver, driver.transmit)
        try queue.refresh(ownMemory)
        #expect(queue.wantsInterrupt && !queue.hasMore)
        driver.put(UInt16(1), driver.transmit.offset + 0x4000)
        driver.offer(&driver.transmit, [(0x20000, 44)], writable: false)
        try queue.refresh(ownMemory)
        #expect(!queue.wantsInterrupt && queue.hasMore)
        try queue.setSuppressesKicks(true, ownMemory)
        #expect(driver.get(driver.transmit.offset + 0x6000, as: UInt16.self) == 1)
        #expect(driver.get(driver.transmit.offset + 0x6002, as: UInt16.self) == 0)
    }

    @Test("chains that were taken and not used are taken again after a stop")
    func forget() throws {
        let driver = TestDriver()
        var queue = try driver.queue(.fromDriver, driver.transmit)
        for _ in 0..<5 { driver.offer(&driver.transmit, [(0x20000, 44)], writable: false) }
        try queue.fetch(ownMemory, driver.table)
        queue.finish(written: 0)
        var local: [MemorySpan] = []
        var remote: [MemorySpan] = []
        try queue.commit(ownMemory, local: &local, remote: &remote)
        queue.forget()
        #expect(queue.base == 1)
        try queue.fetch(ownMemory, driver.table)
        #expect(queue.waitingCount == 4)
    }

    @Test("a ring that breaks a rule is a fault")
    func faults() throws {
        func fault(
            _ direction: VirtQueue.Direction = .fromDriver, _ spoil: (TestDriver) -> Void
        ) throws -> VirtQueue.Fault? {
            let driver = TestDriver()
            var queue = try driver.queue(direction, driver.transmit)
            spoil(driver)
            do throws(VirtQueue.Fault) {
                try queue.fetch(ownMemory, driver.table)
                return nil
            } catch {
                return error
            }
        }
        func one(_ address: UInt64, _ length: Int, flags: UInt16 = 0, next: Int = 0) -> (TestDriver) -> Void {
            { driver in
                driver.offer(&driver.transmit, [(0x20000, 44)], writable: false)
                driver.descriptor(driver.transmit.offset, 0, address, length, flags: flags, next: next)
            }
        }
        let inside = TestDriver.guestBase + 0x20000
        #expect(try fault(.fromDriver, one(inside, 44)) == nil)
        #expect(try fault { $0.put(UInt16(65), $0.transmit.offset + 0x4002) } == .availableIndex)
        #expect(
            try fault {
                $0.offer(&$0.transmit, [(0x20000, 44)], writable: false)
                $0.put(UInt16(64), $0.transmit.offset + 0x4004)
            } == .head)
        #expect(try fault(.fromDriver, one(0, 44)) == .address)
        #expect(try fault(.fromDriver, one(TestDriver.guestBase + UInt64(TestDriver.size) - 10, 11)) == .address)
        #expect(try fault(.fromDriver, one(.max - 4, 44)) == .address)
        #expect(try fault(.fromDriver, one(inside, 44, flags: 2)) == .direction)
        #expect(try fault(.toDriver, one(inside, 44)) == .direction)
        #expect(try fault(.fromDriver, one(inside, 44, flags: 1, next: 0)) == .chainLength)
        #expect(try fault(.fromDriver, one(inside, 44, flags: 1, next: 64)) == .head)
        #expect(try fault(.fromDriver, one(inside, 0, flags: 4)) == .indirectTable)
        #expect(try fault(.fromDriver, one(inside, 17, flags: 4)) == .indirectTable)
        #expect(try fault(.fromDriver, one(inside, 32, flags: 5)) == .indirectTable)
        #expect(try fault(.fromDriver, one(inside, 16 * 129, flags: 4)) == .indirectTable)
        #expect(try fault(.fromDriver, one(0, 32, flags: 4)) == .address)
        // A table in a table.
        #expect(
            try fault { driver in
                driver.offer(&driver.transmit, [(0x20000, 44)], writable: false, indirect: true)
                let table: UInt64 = driver.get(driver.transmit.offset)
                driver.descriptor(Int(table - TestDriver.guestBase), 0, table, 16, flags: 4)
            } == .indirectTable)
        var queue = VirtQueue(.fromDriver)
        #expect(throws: VirtQueue.Fault.size) { try queue.setSize(3) }
        #expect(throws: VirtQueue.Fault.size) { try queue.setSize(0) }
        #expect(throws: VirtQueue.Fault.size) { try queue.setSize(2048) }
    }

    @Test("memory of the ring that is not there is a fault")
    func unmapped() throws {
        var queue = VirtQueue(.fromDriver)
        try queue.setSize(8)
        queue.setAddresses(.init(descriptors: 16, available: 4096, used: 8192))
        #expect(throws: VirtQueue.Fault.memory) { try queue.fetch(ownMemory, MemoryTable()) }
    }

    @Test("no ring of any bytes leads outside the guest's memory")
    func random() throws {
        let driver = TestDriver(queueSize: 32)
        let base = UInt(bitPattern: driver.arena.baseAddress)
        var generator = SystemRandomNumberGenerator()
        for round in 0..<2000 {
            var queue = try driver.queue(round % 2 == 0 ? .fromDriver : .toDriver, driver.transmit)
            for index in 0..<32 {
                // Mostly plausible, so that walks go far.
                let address =
                    TestDriver.guestBase + UInt64.random(in: 0..<UInt64(TestDriver.size + 4096), using: &generator)
                let flags: UInt16 = [0, 1, 2, 3, 4, 1, 3, .random(in: 0...7, using: &generator)].randomElement() ?? 0
                driver.descriptor(
                    driver.transmit.offset, index, address, Int.random(in: 0...9000, using: &generator), flags: flags,
                    next: .random(in: 0...33, using: &generator))
                driver.put(
                    UInt16.random(in: 0...32, using: &generator), driver.transmit.offset + 0x4004 + 2 * index)
            }
            driver.put(UInt16.random(in: 0...40, using: &generator), driver.transmit.offset + 0x4002)
            try? queue.fetch(ownMemory, driver.table)
            for span in queue.spans {
                guard span.address >= base, span.address + UInt(span.count) <= base + UInt(TestDriver.size) else {
                    Issue.record("\(span) is not the guest's")
                    return
                }
            }
        }
    }
}

@Suite("The guest's memory")
struct MemoryTableTests {
    private let table = MemoryTable([
        .init(guestAddress: 0x1000, size: 0x1000, address: 0x7000_0000),
        .init(guestAddress: 0, size: 0x1000, address: 0x100),
        .init(guestAddress: 0x4000, size: 0x10, address: 0x9000),
    ])

    @Test("is translated within regions and over adjacent ones")
    func translates() throws {
        let table = try #require(table)
        var spans: [MemorySpan] = []
        #expect(table.translate(0xff0, count: 0x20, into: &spans))
        #expect(
            spans == [MemorySpan(address: 0x10f0, count: 0x10), MemorySpan(address: 0x7000_0000, count: 0x10)])
        #expect(table.translate(0x4000, count: 0, into: &spans) && spans.count == 2)
    }

    @Test("ends where its regions end")
    func outside() throws {
        let table = try #require(table)
        var spans: [MemorySpan] = []
        for (address, count) in [(UInt64(0x1ff0), 0x11), (0x2000, 1), (0x4008, 9), (.max, 1), (.max - 1, 16)] {
            #expect(!table.translate(address, count: count, into: &spans))
            #expect(spans.isEmpty)
        }
    }

    @Test("cannot have regions that overlap or wrap around")
    func refuses() {
        #expect(
            MemoryTable([
                .init(guestAddress: 0, size: 0x1001, address: 0), .init(guestAddress: 0x1000, size: 1, address: 0x9000),
            ]) == nil)
        #expect(MemoryTable([.init(guestAddress: .max, size: 2, address: 0)]) == nil)
        #expect(MemoryTable([.init(guestAddress: 0, size: 0x1000, address: .max - 10)]) == nil)
        #expect(MemoryTable(vhostMemory: [1, 0, 0, 0, 0, 0, 0, 0]) == nil)
        #expect(MemoryTable(vhostMemory: [65, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 65 * 32)) == nil)
        #expect(MemoryTable(vhostMemory: [0, 0, 0, 0, 0, 0, 0, 0])?.regions.isEmpty == true)
    }
}
