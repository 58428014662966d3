import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

/// Memory that this process has mapped as QEMU would.
@Suite("Saving the guest's memory")
struct MachineMemoryTests {
    private static let page = 4096
    private static let size = 4 << 20

    private final class Mapping {
        let bytes: UnsafeMutableRawBufferPointer

        init(_ descriptor: Int32, shared: Bool) throws {
            let address = mmap(
                nil, MachineMemoryTests.size, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, descriptor, 0)
            let start = try #require(address != MAP_FAILED ? address : nil)
            bytes = UnsafeMutableRawBufferPointer(start: start, count: MachineMemoryTests.size)
        }

        deinit { munmap(bytes.baseAddress, bytes.count) }

        func fill(page index: Int, _ value: UInt8) {
            for place in 0..<MachineMemoryTests.page { bytes[index * MachineMemoryTests.page + place] = value }
        }

        var content: [UInt8] { Array(bytes) }
    }

    private func save(
        _ memory: MachineMemory, changesOnly: Bool = false, confirms: Bool = true
    ) throws -> (pages: [Int], content: [UInt8]) {
        let target = try SparseFile.inMemory("target", size: Self.size)
        try memory.save(to: target.rawValue, changesOnly: changesOnly, process: getpid())
        if confirms { memory.confirmSave() }
        let pages = try SparseFile.dataRanges(of: target.rawValue, size: Self.size).flatMap {
            Array(($0.lowerBound / Self.page)..<($0.upperBound / Self.page))
        }
        return (pages, try target.read(at: 0, upTo: Self.size))
    }

    @Test("all that is not zero is saved, and nothing else takes room")
    func full() throws {
        let memory = try MachineMemory(size: Self.size, tracksChanges: false)
        let mapping = try Mapping(memory.descriptor, shared: true)
        for index in [0, 1, 100, 1023] { mapping.fill(page: index, UInt8(index & 0xff | 1)) }
        mapping.fill(page: 50, 0)
        // Before it was ever saved, what is zero has not changed.
        #expect(try save(memory, changesOnly: true).pages == [0, 1, 100, 1023])
        let saved = try save(memory)
        #expect(saved.pages == [0, 1, 100, 1023])
        // All that was touched, since changes are not tracked.
        #expect(try save(memory, changesOnly: true).pages == [0, 1, 50, 100, 1023])
        #expect(saved.content == mapping.content)
    }

    @Test("memory that begins with another's content has its place in both files, and a difference tells of all of it")
    func inherited() throws {
        let half = Self.size / 2
        let snapshot = try SparseFile.inMemory("snapshot", size: Self.size)
        func write(_ value: UInt8, page: Int) throws {
            let bytes = [UInt8](repeating: value, count: Self.page)
            try bytes.withUnsafeBytes { try SparseFile.write($0, to: snapshot.rawValue, at: page * Self.page) }
        }
        // The last page before, and what begins within the half.
        for (page, value) in [(511, 9), (512, 1), (520, 2), (700, 3)] as [(Int, UInt8)] { try write(value, page: page) }
        let memory = try MachineMemory(size: half, tracksChanges: false)
        try memory.fill(from: snapshot.rawValue, at: half)
        let file = memory.descriptor
        #expect(FileRange.read(file, 0, 1) == [1] && FileRange.read(file, 8 * 4096, 1) == [2])
        // A page that goes must be told of, since the base has it.
        let mapping = try Mapping(file, shared: true)
        madvise(mapping.bytes.baseAddress.map { $0 + 188 * Self.page }, Self.page, MADV_REMOVE)
        let target = try SparseFile.inMemory("target", size: Self.size)
        try memory.save(to: target.rawValue, at: half, changesOnly: true, process: getpid())
        let pages = try SparseFile.dataRanges(of: target.rawValue, size: Self.size).flatMap {
            Array(($0.lowerBound / Self.page)..<($0.upperBound / Self.page))
        }
        #expect(pages == [512, 520, 700])
        #expect(FileRange.read(target.rawValue, UInt64(700 * Self.page), 1) == [0])
        #expect(FileRange.read(target.rawValue, UInt64(520 * Self.page), 1) == [2])
    }

    @Test("changes are those since the last time, also to zeros and to nothing")
    func changes() throws {
        let memory = try MachineMemory(size: Self.size, tracksChanges: true)
        let mapping = try Mapping(memory.descriptor, shared: true)
        for index in [0, 1, 2, 3] { mapping.fill(page: index, 7) }
        #expect(try save(memory, changesOnly: true).pages == [0, 1, 2, 3])
        #expect(try save(memory, changesOnly: true).pages == [])
        mapping.fill(page: 1, 8)
        mapping.fill(page: 2, 0)
        mapping.fill(page: 3, 7)
        mapping.fill(page: 9, 1)
        // What did not stay does not count.
        #expect(try save(memory, changesOnly: true, confirms: false).pages == [1, 2, 9])
        #expect(throws: Errno.badDescriptor) { try memory.save(to: -1, changesOnly: true, process: getpid()) }
        #expect(try save(memory, changesOnly: true).pages == [1, 2, 9])
        // A page that was given back reads as zeros.
        #expect(madvise(mapping.bytes.baseAddress, Self.page, MADV_REMOVE) == 0)
        let saved = try save(memory, changesOnly: true)
        #expect(saved.pages == [0])
        #expect(saved.content[..<Self.page].allSatisfy { $0 == 0 })
        #expect(try save(memory, changesOnly: true).pages == [])
        _ = try save(memory)
        mapping.fill(page: 9, 2)
        #expect(try save(memory, changesOnly: true).pages == [9])
    }

    @Test(
        "of a private mapping the pages that were written to are taken from it, the others from the file",
        arguments: [
            true, false,
        ])
    func privateMapping(tracked: Bool) throws {
        let file = try SparseFile.inMemory("snapshot", size: Self.size)
        let content = [UInt8](repeating: 5, count: Self.page)
        for index in [0, 1, 2, 700] {
            try content.withUnsafeBytes { try SparseFile.write($0, to: file.rawValue, at: index * Self.page) }
        }
        let before = try file.read(at: 0, upTo: Self.size)
        let memory = try MachineMemory(snapshot: file.rawValue, size: Self.size, tracksChanges: tracked)
        let mapping = try Mapping(memory.descriptor, shared: false)
        mapping.fill(page: 1, 6)
        mapping.fill(page: 800, 9)
        mapping.fill(page: 700, 0)
        #expect(mapping.bytes[2 * Self.page] == 5)

        #expect(try save(memory, changesOnly: true).pages == [1, 700, 800])
        let saved = try save(memory)
        #expect(saved.content == mapping.content)
        #expect(saved.pages == [0, 1, 2, 800])
        mapping.fill(page: 2, 3)
        #expect(try save(memory, changesOnly: true).pages == (tracked ? [2] : [1, 2, 700, 800]))
        #expect(try file.read(at: 0, upTo: Self.size) == before)
    }

    @Test(
        "ranges without others",
        arguments: [
            ([], [0..<100]), ([0..<100], []), ([10..<20, 30..<40], [0..<10, 20..<30, 40..<100]),
            ([0..<5, 95..<200], [5..<95]),
            ([100..<200], [0..<100]),
        ] as [([Range<Int>], [Range<Int>])])
    func subtracting(_ others: [Range<Int>], _ rest: [Range<Int>]) {
        #expect((0..<100).subtracting(others) == rest)
    }
}
