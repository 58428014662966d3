internal import Glibc
internal import Linux

extension MachineDescription {
    /// Looks at what can be known to be wrong before QEMU is started. Faults are in Firecracker's words.
    func check() throws(MachineFault) {
        guard (1...32).contains(cpuCount) else {
            throw MachineFault("The number of virtual CPUs is \(cpuCount); it must be 1 to 32.")
        }
        let memory = UInt64(clamping: memoryMiB).multipliedReportingOverflow(by: 1 << 20)
        guard memoryMiB > 0, !memory.overflow, memory.partialValue <= UInt64(Int64.max) else {
            throw MachineFault(
                "Invalid Memory Configuration: Total sum of memory regions exceeds largest possible file offset")
        }
        guard memory.partialValue <= Self.hostMemory else {
            throw MachineFault("Invalid Memory Configuration: Cannot create mmap region", .outOfMemory)
        }
        guard let kernel else { return }
        let image = try ELFKernel(memory: memory.partialValue) { FileRange.read(kernel, $0, $1) }
        if let initrd {
            if FileRange.isDirectory(initrd) {
                throw MachineFault(
                    "Error with initrd initialization: Cannot load initrd due to an invalid image: "
                        + "Is a directory (os error \(EISDIR)).")
            }
            // Above the kernel, in pages, and below the tables that the firmware puts at the end of memory.
            let tables: UInt64 = 0x28000
            guard let size = FileRange.size(initrd), image.end + tables + (size + 4095) & ~4095 <= memory.partialValue
            else {
                throw MachineFault("Error with initrd initialization: Failed to compute the initrd address..")
            }
        }
    }

    private static var hostMemory: UInt64 {
        UInt64(clamping: sysconf(Int32(_SC_PHYS_PAGES))) * UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
    }
}
