internal import Linux

/// The generic half of a boot, which depends on image, kernel and machine alone: from the kernel's first process to a guest that
/// only waits to be told who it is.
///
/// Order matters for speed: the kernel's modules first, since nothing is there without them; then the root; what no command could
/// miss afterwards, and what only later commands might need not at all yet.
struct BootSequence {
    private(set) var clock = BootClock()

    /// What the boot leaves for the agent.
    struct BootedGuest: ~Copyable {
        let modules: ModuleLoader
        var root: RootFileSystem.Mounted
    }

    mutating func run() throws(BootFailure) -> BootedGuest {
        clock.mark("start")
        try? Machine.disableInstantReset()
        KernelFileSystems.mountDevices()
        let initramfs: Descriptor
        do throws(Errno) { initramfs = try FileTree.openDirectory("/") } catch { throw BootFailure("/: \(error)") }
        let modules = ModuleLoader(root: initramfs, kernelRelease: Machine.kernelRelease)
        modules.loadListed()
        let text = (try? File.readText("/proc/cmdline")) ?? ""
        if modules.knowsDevices {
            KernelFileSystems.mountSystem()
            let devices = VirtioDevices.types()
            if devices.contains(VirtioDevices.memory) { VirtioDevices.useMemoryWhenPlugged(commandLine: text) }
            modules.loadListed(forDevices: devices)
        }
        clock.mark("modules")

        let root = RootFileSystem(commandLine: KernelCommandLine(text), modules: modules)
        let mounted = try root.mount()
        try root.enter()
        clock.mark("root")

        KernelFileSystems.mountRest()
        setHostname()
        // Without it, programs that talk to themselves hang.
        try? NetlinkSocket.setFlags(NetlinkSocket.up, ofInterface: "lo")
        // The guest answers its host even when its programs take all of the processor; and the kernel's threads that send what the
        // agent writes do not interrupt it for each packet.
        try? Machine.raisePriority(nice: -3)
        try? Machine.setDescriptorLimit(soft: 16_384, hard: 1_048_576)
        clock.mark("system")
        return BootedGuest(modules: modules, root: mounted)
    }

    /// The image's own name, until the host gives another.
    private func setHostname() {
        let line = ((try? File.read("/etc/hostname", limit: 4096)) ?? []).prefix { $0 > 0x20 }
        try? Machine.setHostname(line.isEmpty ? "localhost" : String(decoding: line.prefix(64), as: UTF8.self))
    }
}
