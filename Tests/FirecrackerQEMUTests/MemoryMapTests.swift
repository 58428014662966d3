import Testing

@testable import FirecrackerQEMU

@Suite("The map of a guest's memory")
struct MemoryMapTests {
    private func map(
        memoryMiB: Int, persistent: [UInt64] = [], hotplug: MachineDescription.HotplugMemory? = nil
    ) throws(MachineFault) -> MemoryMap {
        var description = MachineDescription(kernel: -1)
        description.memoryMiB = memoryMiB
        description.persistentMemory = persistent.map { .init(file: -1, size: $0) }
        description.hotplugMemory = hotplug
        return try MemoryMap(description)
    }

    /// Where a piece lies for the guest.
    private func address(of content: MemoryMap.Content, in map: MemoryMap) -> UInt64? {
        var offset: UInt64 = 0
        for piece in map.pieces {
            // As the machine does it: a hole from 3 to 4 GiB.
            if piece.content == content { return offset < 3 << 30 ? offset : offset + (1 << 30) }
            offset += piece.size
        }
        return nil
    }

    @Test("is one piece without memory devices")
    func plain() throws {
        let map = try map(memoryMiB: 5000)
        #expect(map.pieces == [.init(content: .memory, size: 5000 << 20)])
        #expect(map.reservations.isEmpty && !map.hasDevices)
    }

    @Test("tells devices the addresses at which they are", arguments: [1, 64, 128, 3071, 3072, 3073, 5000])
    func addresses(memoryMiB: Int) throws {
        let map = try map(
            memoryMiB: memoryMiB, persistent: [4096, 5 << 20, 300 << 20, 12288], hotplug: .init(sizeMiB: 384))
        #expect(map.hotplugAddress == address(of: .hotplugMemory, in: map))
        for (index, told) in map.persistentMemoryAddresses.enumerated() {
            #expect(told == address(of: .persistentMemory(index), in: map))
            #expect(told % (128 << 20) == 0)
        }
        #expect(map.persistentMemoryAddresses.count == 4)
        #expect(map.size % (2 << 20) == 0)
        #expect(map.pieces.allSatisfy { $0.size > 0 && $0.size % 4096 == 0 })
    }

    @Test("takes from the kernel everything but the guest's own memory")
    func reservations() throws {
        #expect(
            try map(memoryMiB: 128, persistent: [16 << 20]).reservations == ["memmap=2944M$128M", "memmap=16M$4096M"])
        #expect(try map(memoryMiB: 3072, persistent: [4096]).reservations == ["memmap=2M$4096M"])
        #expect(
            try map(memoryMiB: 4096, persistent: [4096], hotplug: .init(sizeMiB: 128)).reservations
                == ["memmap=130M$5120M"])
    }

    @Test("has memory to be plugged at a multiple of its block, and refuses what does not fit in words of Firecracker")
    func limits() throws {
        #expect(
            try map(memoryMiB: 3500, hotplug: .init(sizeMiB: 1024, blockMiB: 1024)).hotplugAddress == 5 << 30)
        let fault = MachineFault("Failed to allocate guest resource: The requested resource is not available.")
        for size in [1 << 20, Int.max] {
            #expect(throws: fault) { try map(memoryMiB: 128, hotplug: .init(sizeMiB: size)) }
        }
        #expect(throws: fault) { try map(memoryMiB: 128, persistent: [1 << 39, 1 << 39]) }
        #expect(throws: fault) { try map(memoryMiB: 128, hotplug: .init(sizeMiB: 128, blockMiB: 1 << 40)) }
    }
}
