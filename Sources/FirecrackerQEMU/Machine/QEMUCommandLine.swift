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
    private(set) var vhostDescriptor: Int32?

    /// What this process opened for QEMU, over and above the description.
    struct Channels {
        var standardInput: Int32
        var standardOutput: Int32
        var standardError: Int32
        var monitor: Int32
        /// The file that is the guest's memory: see ``MachineMemory``.
        var memory: Int32
        /// Any descriptor that does nothing: see ``VsockDevice``.
        var vhost: Int32?
        /// QEMU's ends of the interfaces that are relayed, by their places.
        var relays: [Int: Int32] = [:]
    }

    /// As many virtio devices as the machine has places for without a PCI bus.
    static let maximumDevices = 24

    /// - Parameters:
    ///   - kernelCommandLine: Nil for a machine that comes from a snapshot.
    ///   - isBlockDevice: Whether a drive's descriptor is a block device of the host.
    init(
        _ description: MachineDescription, kernelCommandLine: String?, channels: Channels,
        isBlockDevice: (Int32) -> Bool = { _ in false }
    ) throws(MachineFault) {
        descriptors = [channels.standardInput, channels.standardOutput, channels.standardError]
        let devices =
            description.drives.count + description.networkInterfaces.count + (description.vsock == nil ? 0 : 1)
            + (description.balloon == nil ? 0 : 1) + (description.entropy == nil ? 0 : 1)
        guard description.isPCI || devices <= Self.maximumDevices else {
            throw MachineFault(
                "The machine has \(devices) devices; QEMU's microvm has places for \(Self.maximumDevices).")
        }

        addMachine(description)
        addMemory(description, channels.memory)
        if let kernelCommandLine { addKernel(description, commandLine: kernelCommandLine) } else { addIncoming() }
        if kernelCommandLine == nil || description.plugsDevices { arguments.append("-S") }
        addMonitor(channels.monitor)
        for drive in description.drives {
            add(drive, isBlockDevice: isBlockDevice(drive.file))
            // Others are plugged before the processors run.
            if drive.place == 0 || !description.plugsDevices { add(description.deviceOptions(drive)) }
        }
        for (index, interface) in description.networkInterfaces.enumerated() {
            add(interface, relay: channels.relays[index])
            if !description.plugsDevices { add(description.deviceOptions(interface)) }
        }
        if let vsock = description.vsock, let vhost = channels.vhost {
            let descriptor = inherit(vhost)
            vhostDescriptor = Int32(descriptor)
            add(description.deviceOptions(vsock, vhost: descriptor))
        }
        if let balloon = description.balloon { add(description.deviceOptions(balloon)) }
        if let entropy = description.entropy {
            add("-object", "rng-builtin,id=rng0")
            add(description.deviceOptions(entropy))
        }
    }

    /// QEMU's number of a descriptor that it inherits.
    private mutating func inherit(_ descriptor: Int32) -> Int {
        descriptors.append(descriptor)
        return descriptors.count - 1
    }

    private mutating func add(_ option: String, _ value: String) {
        arguments += [option, value]
    }

    private mutating func add(_ device: DeviceOptions) {
        add("-device", device.argument)
    }

    private mutating func addMachine(_ description: MachineDescription) {
        arguments += ["-nodefaults", "-no-user-config", "-no-reboot"]
        add("-display", "none")
        // No timer but the local APIC's: the kernel is told the frequency of the time stamp counter instead.
        let bus = description.isPCI ? ",pcie=on" : ""
        add("-M", "microvm,acpi=on,pit=off,pic=off\(bus),memory-backend=memory,suppress-vmdesc=on")
        if description.isPCI { add(DeviceOptions.slots) }
        // Larger or smaller buffers for translated code than 16 to 256 MiB do not pay.
        add("-accel", "tcg,tb-size=64" + (description.cpuCount > 1 ? ",thread=multi" : ""))
        // Without rdrand the guest's random numbers are ready only after a second and more.
        add("-cpu", "qemu64,+rdrand")
        add("-m", "\(description.memoryMiB)M")
        add("-smp", "\(description.cpuCount)")
        add("-global", "virtio-mmio.force-legacy=false")
        // The keyboard controller resets the machine, and takes Ctrl-Alt-Del.
        add("-device", "i8042")
        add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
        // signal=off: Ctrl-C and the like belong to the guest.
        add("-chardev", "stdio,id=console,signal=off")
        add("-serial", "chardev:console")
    }

    private mutating func addMemory(_ description: MachineDescription, _ file: Int32) {
        add(
            "-object",
            "memory-backend-file,id=memory,size=\(description.memoryMiB)M,mem-path=/proc/self/fd/\(inherit(file)),"
                + "share=\(description.snapshot == nil ? "on" : "off")")
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

    private mutating func add(_ interface: MachineDescription.NetworkDevice, relay: Int32?) {
        if let relay {
            add("-netdev", "socket,id=\(interface.hostDevice),fd=\(inherit(relay))")
        } else {
            add("-netdev", "tap,id=\(interface.hostDevice),fd=\(inherit(interface.tap)),vhost=off")
        }
    }
}

extension MachineDescription {
    /// Whether devices are added after QEMU's start, for which the processors wait.
    var plugsDevices: Bool { isPCI && snapshot == nil }
}
