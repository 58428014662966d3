import ArgumentParser
import SmartVM

/// What a VM is made of.
struct MachineOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A JSON file to begin with, as smartvm config check takes it; the other options go before it.",
            valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Virtual CPUs, 1 to 32. Default: 1.", valueName: "number"))
    var cpus: Int?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Memory in MiB, or with a unit: 512, 512m, 2g. Default: 256.", valueName: "size"))
    var memory: MemoryArgument?

    @Option(
        help: ArgumentHelp("A kernel of your own: an ELF, or a bzImage, which is unpacked.", valueName: "file"))
    var kernel: String?

    @Option(
        help: ArgumentHelp("An initramfs of your own; its /init must be smartvm-guest.", valueName: "file"))
    var initrd: String?

    @Option(help: ArgumentHelp("A root file system of your own, used read-only.", valueName: "file"))
    var rootfs: String?

    @Option(help: ArgumentHelp("The kernel's command line, in place of the image's.", valueName: "arguments"))
    var bootArgs: String?

    @Option(
        help: ArgumentHelp(
            "The virtual machine monitor: firecracker, qemu, or a path. Default: firecracker where KVM is usable, else qemu.",
            valueName: "vmm"))
    var vmm: String?

    @Option(help: ArgumentHelp("How long the guest may take to boot.", valueName: "duration"))
    var bootTimeout = DurationArgument(duration: .seconds(60))

    /// What the file says, changed by what the options do.
    func configuration(image: String?, name: String?, hostname: String?) throws -> VMConfig {
        var configuration = try config.map { try VMConfig(json: ConfigCommand.read($0)) } ?? VMConfig()
        configuration.id = name ?? configuration.id
        configuration.hostname = hostname ?? configuration.hostname
        if let cpus { configuration.machineConfig.vcpuCount = cpus }
        if let memory { configuration.machineConfig.memSizeMib = memory.mebibytes }

        var source = configuration.bootSource ?? VMConfig.BootSource()
        source.kernelImagePath = kernel ?? source.kernelImagePath
        source.initrdPath = initrd ?? source.initrdPath
        source.bootArgs = bootArgs ?? source.bootArgs
        if source != VMConfig.BootSource() { configuration.bootSource = source }
        if let rootfs {
            configuration.drives.removeAll(where: \.isRootDevice)
            configuration.drives.insert(
                .init(driveId: "rootfs", pathOnHost: rootfs, isRootDevice: true, isReadOnly: true), at: 0)
        }

        configuration.image = image ?? configuration.image
        // A kernel and an initramfs of one's own are all that a guest with an agent needs.
        if configuration.image == nil, source.kernelImagePath == nil || source.initrdPath == nil {
            configuration.image = BaseImagePreset.minimal.rawValue
        }
        return configuration
    }
}
