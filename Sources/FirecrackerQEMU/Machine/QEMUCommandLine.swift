/// A description of a machine turned into QEMU's arguments, and the descriptors that QEMU inherits.
///
/// QEMU gets no path of a file: what it opens is passed to it, and is named `/dev/fdset/<n>` or `/proc/self/fd/<n>`. So a sandboxed
/// QEMU needs no right to look anything up, and what was checked here is what it uses.
struct QEMUCommandLine {
    /// Without argv[0].
    private(set) var arguments: [String] = []
    /// The one at place i is descriptor i of QEMU.
    private(set) var descriptors: [Int32]
    /// QEMU's number of the descriptor that stands for /dev/vhost-vsock, if there is such a device.
    private(set) var vsockDescriptor: Int32?
    /// Those that stand for /dev/vhost-net, in the order of the interfaces.
    private(set) var networkDescriptors: [Int32] = []
    /// Those of the TAPs, through which QEMU itself is to send nothing.
    private(set) var tapDescriptors: [Int32] = []

    /// What this process opened for QEMU, over and above the description.
    struct Channels {
        var standardInput: Int32
        var standardOutput: Int32
        var standardError: Int32
        var monitor: Int32
        /// The file that is the guest's memory: see ``MachineMemory``.
        var memory: Int32
        /// The file that is the memory which can be plugged.
        var hotplugMemory: Int32?
        /// Any descriptor that does nothing: see ``VhostDispatcher``.
        var vhost: Int32
        /// QEMU's end of the entropy device's requests, if they are limited.
        var entropy: Int32?
    }

    /// As many virtio devices as the machine has places for.
    static let maximumDevices = 24

    /// - Parameters:
    ///   - kernelCommandLine: Nil for a machine that comes from a snapshot.
    ///   - isBlockDevice: Whether a drive's descriptor is a block device of the host.
    init(
        _ description: MachineDescription, memoryMap: MemoryMap, kernelCommandLine: String?, channels: Channels,
        isBlockDevice: (Int32) -> Bool = { _ in false }
    ) throws(MachineFault) {
        descriptors = [channels.standardInput, channels.standardOutput, channels.standardError]
        let devices =
            description.drives.count + description.networkInterfaces.count + (description.vsock == nil ? 0 : 1)
            + (description.balloon == nil ? 0 : 1) + (description.entropy == nil ? 0 : 1)
            + description.persistentMemory.count + (description.hotplugMemory == nil ? 0 : 1)
        guard devices <= Self.maximumDevices else {
            throw MachineFault(
                "The machine has \(devices) devices; QEMU's microvm has places for \(Self.maximumDevices).")
        }

        addMachine(description, memoryMap)
        addMemory(description, memoryMap, channels)
        if let kernelCommandLine { addKernel(description, commandLine: kernelCommandLine) } else { addIncoming() }
        addMonitor(channels.monitor)
        for (index, drive) in description.drives.enumerated() {
            add(drive, index: index, isBlockDevice: isBlockDevice(drive.file))
        }
        for (index, interface) in description.networkInterfaces.enumerated() {
            add(interface, index: index, vhost: channels.vhost)
        }
        if let vsock = description.vsock { add(vsock, vhost: channels.vhost) }
        if let balloon = description.balloon { add(balloon) }
        if description.entropy != nil { addEntropy(channels.entropy) }
        addMemoryDevices(description, memoryMap, channels)
    }

    /// QEMU's number of a descriptor that it inherits.
    mutating func inherit(_ descriptor: Int32) -> Int {
        descriptors.append(descriptor)
        return descriptors.count - 1
    }

    mutating func add(_ option: String, _ value: String) {
        arguments += [option, value]
    }

    private mutating func addMachine(_ description: MachineDescription, _ memoryMap: MemoryMap) {
        arguments += ["-nodefaults", "-no-user-config", "-no-reboot"]
        add("-display", "none")
        // No timer but the local APIC's: the kernel is told the frequency of the time stamp counter instead.
        let memory = memoryMap.hasDevices ? "" : ",memory-backend=memory"
        add("-M", "microvm,acpi=on,pit=off,pic=off,suppress-vmdesc=on\(memory)")
        // Larger or smaller buffers for translated code than 16 to 256 MiB do not pay.
        add("-accel", "tcg,tb-size=64" + (description.cpuCount > 1 ? ",thread=multi" : ""))
        // Without rdrand the guest's random numbers are ready only after a second and more.
        // Model 4 is one whose string instructions Linux does not hold to be fast, and under emulation they are not: clearing and copying
        // take half the time without them.
        add("-cpu", "qemu64,model=4,+rdrand")
        add("-m", "\(memoryMap.size >> 20)M")
        add("-smp", "\(description.cpuCount)")
        add("-global", "virtio-mmio.force-legacy=false")
        // The keyboard controller resets the machine, and takes Ctrl-Alt-Del.
        add("-device", "i8042")
        add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
        // signal=off: Ctrl-C and the like belong to the guest.
        add("-chardev", "stdio,id=console,signal=off")
        add("-serial", "chardev:console")
    }

    /// The machine waits for its state, and then for leave to run. The state is that of the devices alone, which begins without the
    /// section on the configuration.
    private mutating func addIncoming() {
        add("-incoming", "defer")
        arguments.append("-S")
        add("-global", "migration.send-configuration=off")
    }

    private mutating func addKernel(_ description: MachineDescription, commandLine: String) {
        if let kernel = description.kernel { add("-kernel", "/proc/self/fd/\(inherit(kernel))") }
        if let initrd = description.initrd { add("-initrd", "/proc/self/fd/\(inherit(initrd))") }
        add("-append", commandLine)
    }

    private mutating func addMonitor(_ descriptor: Int32) {
        add("-chardev", "socket,id=qmp,fd=\(inherit(descriptor))")
        add("-mon", "chardev=qmp,mode=control")
    }

    private mutating func add(_ drive: MachineDescription.BlockDevice, index: Int, isBlockDevice: Bool) {
        let nodes = DriveNodes(drive, index: index, isBlockDevice: isBlockDevice)
        add("-add-fd", "fd=\(inherit(drive.file)),set=\(nodes.descriptorSet)")
        add("-object", nodes.throttleGroup(drive.limiter))
        for node in [nodes.file, nodes.format, nodes.filter] { add("-blockdev", node) }
        // A guest that sees no cache sends no flushes.
        add(
            "-device",
            "virtio-blk-device,id=\(nodes.device),drive=\(nodes.filterName),serial=\(drive.id.prefix(20)),"
                + "write-cache=\(drive.isWriteback ? "on" : "off")")
    }

    private mutating func add(_ interface: MachineDescription.NetworkDevice, index: Int, vhost: Int32) {
        let (tap, device) = (inherit(interface.tap), inherit(vhost))
        tapDescriptors.append(Int32(tap))
        networkDescriptors.append(Int32(device))
        add("-netdev", "tap,id=tap\(index),fd=\(tap),vhost=on,vhostfd=\(device)")
        var properties = "virtio-net-device,id=net\(index),netdev=tap\(index)"
        if let address = interface.macAddress { properties += ",mac=\(address)" }
        if let mtu = interface.mtu { properties += ",host_mtu=\(mtu)" }
        add("-device", properties)
    }

    private mutating func add(_ vsock: MachineDescription.Vsock, vhost: Int32) {
        let descriptor = inherit(vhost)
        vsockDescriptor = Int32(descriptor)
        add("-device", "vhost-vsock-device,id=vsock0,guest-cid=\(vsock.guestCID),vhostfd=\(descriptor),event_idx=off")
    }

    private mutating func add(_ balloon: MachineDescription.Balloon) {
        // Without page-poison, which Firecracker has not either, a guest that counts on free pages' content reports none.
        add(
            "-device",
            "virtio-balloon-device,id=balloon0,free-page-reporting=\(balloon.reportsFreePages ? "on" : "off"),"
                + "deflate-on-oom=\(balloon.deflatesOnOutOfMemory ? "on" : "off"),page-poison=off")
    }

    /// - Parameter source: Who is asked for random numbers; nil: QEMU takes the host's.
    private mutating func addEntropy(_ source: Int32?) {
        if let source {
            add("-chardev", "socket,id=entropy,fd=\(inherit(source))")
            add("-object", "rng-egd,id=rng0,chardev=entropy")
        } else {
            add("-object", "rng-builtin,id=rng0")
        }
        add("-device", "virtio-rng-device,id=entropy0,rng=rng0")
    }
}
