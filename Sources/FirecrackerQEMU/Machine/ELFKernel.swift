/// What must be true of a kernel file before QEMU is started with it. Faults are in Firecracker's words.
///
/// Of the two ways into an x86 kernel that Firecracker knows, QEMU has one: the PVH entry point, which a note of the ELF file names
/// (CONFIG_PVH). A kernel without it is refused here, because QEMU would only say that it is old.
struct ELFKernel {
    /// Where the kernel ends in guest memory, in bytes.
    private(set) var end: UInt64 = 0

    /// - Parameters:
    ///   - memory: Bytes of guest memory.
    ///   - read: Reads up to `count` bytes at `offset`; nil if the file cannot be read.
    init(memory: UInt64, read: (_ offset: UInt64, _ count: Int) -> [UInt8]?) throws(MachineFault) {
        guard let header = read(0, 64), header.count == 64 else { throw Self.fault("Unable to read elf header") }
        guard header[..<4].elementsEqual([0x7f, 0x45, 0x4c, 0x46]) else { throw Self.fault("Invalid Elf magic number") }
        guard header[5] == 1 else {
            throw Self.fault("Trying to load big-endian binary on little-endian machine")
        }
        let table = header.integer(at: 32, as: UInt64.self)
        let entrySize = Int(header.integer(at: 54, as: UInt16.self))
        let count = Int(header.integer(at: 56, as: UInt16.self))
        guard header[4] == 2, entrySize == 56 else { throw Self.fault("Invalid program header size") }
        guard table >= 64 else { throw Self.fault("Invalid program header offset") }
        guard let entries = read(table, count * 56), entries.count == count * 56 else {
            throw Self.fault("Unable to read program header")
        }

        var hasEntryPoint = false
        for entry in 0..<count {
            let base = entry * 56
            let offset = entries.integer(at: base + 8, as: UInt64.self)
            let address = entries.integer(at: base + 24, as: UInt64.self)
            let fileSize = entries.integer(at: base + 32, as: UInt64.self)
            let memorySize = entries.integer(at: base + 40, as: UInt64.self)
            switch entries.integer(at: base, as: UInt32.self) {
            case 1:  // PT_LOAD
                let (end, overflow) = address.addingReportingOverflow(max(fileSize, memorySize))
                guard !overflow, end <= memory else { throw Self.unreadable }
                self.end = max(self.end, end)
            case 4:  // PT_NOTE
                guard fileSize <= 1 << 20, let notes = read(offset, Int(fileSize)), notes.count == fileSize else {
                    throw Self.fault("Unable to read note header")
                }
                hasEntryPoint = hasEntryPoint || Self.holdsEntryPoint(notes)
            default: break
            }
        }
        guard hasEntryPoint else {
            throw Self.fault("The kernel has no PVH entry point, which QEMU needs: build it with CONFIG_PVH=y")
        }
    }

    /// Whether a note is XEN_ELFNOTE_PHYS32_ENTRY.
    private static func holdsEntryPoint(_ notes: [UInt8]) -> Bool {
        var place = 0
        while place + 12 <= notes.count {
            let nameSize = Int(notes.integer(at: place, as: UInt32.self))
            let size = Int(notes.integer(at: place + 4, as: UInt32.self))
            let kind = notes.integer(at: place + 8, as: UInt32.self)
            let name = place + 12
            if kind == 18, nameSize == 4, name + 4 <= notes.count, notes[name..<(name + 4)].elementsEqual("Xen\0".utf8)
            {
                return true
            }
            place = name + (nameSize + 3) & ~3 + (size + 3) & ~3
        }
        return false
    }

    /// There is no memory where the kernel is to be.
    static var unreadable: MachineFault { fault("Unable to read kernel image") }

    private static func fault(_ cause: String) -> MachineFault {
        MachineFault(
            "System configuration error: Cannot load kernel due to invalid memory configuration or invalid kernel image: "
                + "Kernel Loader: failed to load ELF kernel image: Kernel Loader: \(cause)")
    }
}
