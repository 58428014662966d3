import Testing

@testable import FirecrackerQEMU

@Suite("The kernel's command line")
struct KernelCommandLineTests {
    private func text(
        _ arguments: String?, _ drives: [MachineDescription.BlockDevice] = [],
        _ persistentMemory: [MachineDescription.PersistentMemory] = []
    ) throws(MachineFault) -> String {
        var description = MachineDescription(kernel: -1)
        description.bootArguments = arguments
        description.drives = drives
        description.persistentMemory = persistentMemory
        return try KernelCommandLine(
            description, memoryMap: try MemoryMap(description), timeStampCounter: 2_445_430
        ).text
    }

    private func drive(isReadOnly: Bool = false, partitionUUID: String? = nil) -> MachineDescription.BlockDevice {
        MachineDescription.BlockDevice(
            id: "root", file: -1, isReadOnly: isReadOnly, isRoot: true, partitionUUID: partitionUUID)
    }

    @Test("is Firecracker's default if none is given, with what this machine needs behind it")
    func standard() throws {
        #expect(
            try text(nil)
                == "reboot=k panic=1 nomodule 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce "
                + "pci=off tsc_early_khz=2445430 tsc=reliable")
        #expect(try text("") == "pci=off tsc_early_khz=2445430 tsc=reliable")
    }

    @Test("names the root drive, or its partition")
    func root() throws {
        #expect(try text("a", [drive()]) == "a pci=off root=/dev/vda rw tsc_early_khz=2445430 tsc=reliable")
        #expect(
            try text("a", [drive(isReadOnly: true, partitionUUID: "12-01")])
                == "a pci=off root=PARTUUID=12-01 ro tsc_early_khz=2445430 tsc=reliable")
    }

    @Test("names the root among the persistent memories, and takes from the kernel what is not its memory")
    func persistentMemory() throws {
        let memmap = "memmap=2944M$128M memmap=130M$4096M"
        #expect(
            try text(
                "a", [], [.init(file: -1, size: 4096), .init(file: -1, size: 2 << 20, isReadOnly: true, isRoot: true)])
                == "a pci=off root=/dev/pmem1 ro \(memmap) tsc_early_khz=2445430 tsc=reliable")
        #expect(try text("a", [], [.init(file: -1, size: 4096, isRoot: true)]).contains(" root=/dev/pmem0 rw "))
    }

    @Test("leaves to init what stands behind a lone --")
    func initArguments() throws {
        #expect(
            try text("quiet -- --flag -x", [drive()])
                == "quiet pci=off root=/dev/vda rw tsc_early_khz=2445430 tsc=reliable -- --flag -x")
        #expect(try text("a=--b") == "a=--b pci=off tsc_early_khz=2445430 tsc=reliable")
    }

    @Test("does not contradict what was given about the time stamp counter")
    func given() throws {
        #expect(try text("tsc_early_khz=1 tsc=unstable") == "tsc_early_khz=1 tsc=unstable pci=off")
    }

    @Test("fits into 2,047 bytes or is refused")
    func length() throws {
        let added = " pci=off tsc_early_khz=2445430 tsc=reliable".utf8.count
        let longest = String(repeating: "x", count: 2047 - added)
        #expect(try text(longest).utf8.count == 2047)
        #expect(
            throws: MachineFault(
                "Invalid kernel command line: Inserting string would make command line too long.")
        ) { try text(longest + "x") }
    }
}
