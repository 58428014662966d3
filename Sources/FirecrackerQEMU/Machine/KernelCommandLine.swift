/// The command line that the guest's kernel gets: what was asked for, and what this machine must add to it.
struct KernelCommandLine {
    /// Firecracker's, for a boot source that gives none.
    static let defaultArguments =
        "reboot=k panic=1 nomodule 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce"

    /// With the closing NUL, as in Firecracker.
    static let capacity = 2048

    private(set) var text: String

    /// - Parameter timeStampCounter: The frequency in kHz of the counter that the guest reads. The machine has no PIT, HPET or PM
    ///   timer, so that a kernel which is not told would calibrate for ever.
    init(
        _ description: MachineDescription, memoryMap: MemoryMap, timeStampCounter: Int
    ) throws(MachineFault) {
        let given = description.bootArguments ?? Self.defaultArguments
        // What follows a lone `--` belongs to init.
        var (kernel, rest) = Self.split(given)
        var added = ["pci=off"]
        if let root = description.drives.first(where: \.isRoot) {
            added.append(root.partitionUUID.map { "root=PARTUUID=\($0)" } ?? "root=/dev/vda")
            added.append(root.isReadOnly ? "ro" : "rw")
        }
        if let index = description.persistentMemory.firstIndex(where: \.isRoot) {
            added.append("root=/dev/pmem\(index)")
            added.append(description.persistentMemory[index].isReadOnly ? "ro" : "rw")
        }
        added += memoryMap.reservations
        let words = kernel.split(separator: " ")
        if !words.contains(where: { $0.hasPrefix("tsc_early_khz=") }) {
            added.append("tsc_early_khz=\(timeStampCounter)")
        }
        if !words.contains(where: { $0.hasPrefix("tsc=") }) { added.append("tsc=reliable") }
        for word in added { kernel += kernel.isEmpty ? word : " \(word)" }
        if let initArguments = rest {
            rest = nil
            kernel += " -- \(initArguments)"
        }
        guard kernel.utf8.count < Self.capacity else {
            throw MachineFault(
                "Invalid kernel command line: Inserting string would make command line too long.")
        }
        text = kernel
    }

    private static func split(_ line: String) -> (kernel: String, initArguments: String?) {
        var words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard let separator = words.firstIndex(of: "--") else { return (line, nil) }
        let rest = words[(separator + 1)...].joined(separator: " ")
        words.removeSubrange(separator...)
        while words.last == "" { words.removeLast() }
        return (words.joined(separator: " "), rest)
    }
}
