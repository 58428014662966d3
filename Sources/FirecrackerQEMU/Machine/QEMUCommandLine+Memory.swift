extension QEMUCommandLine {
    /// The pieces of the memory map. With memory devices each is a node of its own: see ``MemoryMap``.
    mutating func addMemory(_ description: MachineDescription, _ memoryMap: MemoryMap, _ channels: Channels) {
        for (index, piece) in memoryMap.pieces.enumerated() {
            let name: String
            switch piece.content {
            case .memory:
                name = "memory"
                let share = description.snapshot == nil
                addBackend(name, piece.size, file: inherit(channels.memory), isShared: share)
            case .gap:
                name = "gap\(index)"
                // Without a reservation, since next to nothing of it is ever touched.
                add("-object", "memory-backend-ram,id=\(name),size=\(piece.size),reserve=off")
            case .persistentMemory(let place):
                name = "pmem\(place)"
                let device = description.persistentMemory[place]
                addBackend(name, piece.size, file: inherit(device.file), isReadOnly: device.isReadOnly)
            case .hotplugMemory:
                guard let file = channels.hotplugMemory else { continue }
                name = "hotplug"
                addBackend(name, piece.size, file: inherit(file))
            }
            if memoryMap.hasDevices { add("-numa", "node,memdev=\(name)") }
        }
    }

    /// What the guest's drivers find. A backend can be used once only, so that each device has a second one on the same file: it
    /// tells the device's size, and is what a flush writes back, and what an unplugged block is cut out of.
    mutating func addMemoryDevices(_ description: MachineDescription, _ memoryMap: MemoryMap, _ channels: Channels) {
        if let hotplug = description.hotplugMemory, let file = channels.hotplugMemory,
            let address = memoryMap.hotplugAddress
        {
            addBackend("plugged", UInt64(hotplug.sizeMiB) << 20, file: inherit(file))
            add(
                "-device",
                "virtio-mem,id=hotplug0,memdev=plugged,memaddr=\(address),block-size=\(hotplug.blockMiB)M,requested-size=0,"
                    + "unplugged-inaccessible=on")
        }
        for (index, address) in memoryMap.persistentMemoryAddresses.enumerated() {
            let device = description.persistentMemory[index]
            let name = "flushed\(index)"
            let size = MemoryMap.roundUp(device.size, to: MemoryMap.persistentMemoryUnit)
            if size == device.size {
                addBackend(name, size, file: inherit(device.file), isReadOnly: device.isReadOnly)
            } else {
                // QEMU takes no file that is shorter than the device.
                add("-object", "memory-backend-memfd,id=\(name),size=\(size),share=on")
            }
            add("-device", "virtio-pmem,id=pmem\(index),memdev=\(name),memaddr=\(address)")
        }
    }

    private mutating func addBackend(
        _ name: String, _ size: UInt64, file: Int, isShared: Bool = true, isReadOnly: Bool = false
    ) {
        add(
            "-object",
            "memory-backend-file,id=\(name),size=\(size),mem-path=/proc/self/fd/\(file),share=\(isShared ? "on" : "off")"
                + (isReadOnly ? ",readonly=on" : ""))
    }
}
