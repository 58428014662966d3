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

    /// As many virtio devices as the machine has places for without a PCI bus.
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
        guard description.isPCI || devices <= Self.maximumDevices else {
            throw MachineFault(
                "The machine has \(devices) devices; QEMU's microvm has places for \(Self.maximumDevices).")
        }

        // These are on virtio-mmio always.
        let memoryDevices = description.persistentMemory.count + (description.hotplugMemory == nil ? 0 : 1)
        guard memoryDevices <= Self.maximumDevices else {
            throw MachineFault(
                "The machine has \(memoryDevices) memory devices; QEMU's microvm has places for \(Self.maximumDevices)."
            )
        }

        addMachine(description, memoryMap)
        addMemory(description, memoryMap, channels)
        if let kernelCommandLine { addKernel(description, commandLine: kernelCommandLine) } else { addIncoming() }
        if kernelCommandLine == nil || description.plugsDevices { arguments.append("-S") }
        addMonitor(channels.monitor)
        for drive in description.drives {
            add(drive, isBlockDevice: isBlockDevice(drive.file))
            // Others are plugged before the processors run.
            if drive.place == 0 || !description.plugsDevices { add(description.deviceOptions(drive)) }
        }
        for interface in description.networkInterfaces {
            add(interface, vhost: channels.vhost)
            if !description.plugsDevices { add(description.deviceOptions(interface)) }
        }
        if description.vsock != nil { vsockDescriptor = Int32(inherit(channels.vhost)) }
        if let vsock = description.vsock, let vsockDescriptor {
            add(description.deviceOptions(vsock, vhost: Int(vsockDescriptor)))
        }
        if let balloon = description.balloon { add(description.deviceOptions(balloon)) }
        if description.entropy != nil {
            addEntropy(channels.entropy)
            add(description.entropyOptions)
        }
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

    private mutating func add(_ device: DeviceOptions) {
        add("-device", device.argument)
    }

    private mutating func addMachine(_ description: MachineDescription, _ memoryMap: MemoryMap) {
        arguments += ["-nodefaults", "-no-user-config", "-no-reboot"]
        add("-display", "none")
        // No timer but the local APIC's: the kernel is told the frequency of the time stamp counter instead.
        let memory = memoryMap.hasDevices ? "" : ",memory-backend=memory"
        let bus = description.isPCI ? ",pcie=on" : ""
        add("-M", "microvm,acpi=on,pit=off,pic=off\(bus),suppress-vmdesc=on\(memory)")
        if description.isPCI { add(DeviceOptions.slots) }
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

    private mutating func add(_ drive: MachineDescription.BlockDevice, isBlockDevice: Bool) {
        let nodes = DriveNodes(drive, isBlockDevice: isBlockDevice)
        if drive.isVhostUser {
            add("-chardev", "socket,id=\(nodes.channel),fd=\(inherit(drive.file))")
            return
        }
        add("-add-fd", "fd=\(inherit(drive.file)),set=\(nodes.descriptorSet)")
        add("-object", nodes.throttleGroup(drive.limiter))
        for node in [nodes.file, nodes.format, nodes.filter] { add("-blockdev", node) }
    }

    private mutating func add(_ interface: MachineDescription.NetworkDevice, vhost: Int32) {
        let (tap, device) = (inherit(interface.tap), inherit(vhost))
        tapDescriptors.append(Int32(tap))
        networkDescriptors.append(Int32(device))
        add("-netdev", "tap,id=\(interface.hostDevice),fd=\(tap),vhost=on,vhostfd=\(device)")
    }

    /// - Parameter source: Who is asked for random numbers; nil: QEMU takes the host's.
    private mutating func addEntropy(_ source: Int32?) {
        if let source {
            add("-chardev", "socket,id=entropy,fd=\(inherit(source))")
            add("-object", "rng-egd,id=rng0,chardev=entropy")
        } else {
            add("-object", "rng-builtin,id=rng0")
        }
    }
}

extension MachineDescription {
    /// Whether devices are added after QEMU's start, for which the processors wait.
    var plugsDevices: Bool { isPCI && snapshot == nil }
}
