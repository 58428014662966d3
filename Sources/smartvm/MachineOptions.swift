import ArgumentParser
import SmartVM

/// What a VM is made of.
struct MachineOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Virtual CPUs, 1 to 32.", valueName: "number"))
    var cpus = 1

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Memory in MiB, or with a unit: 512, 512m, 2g.", valueName: "size"))
    var memory = MemoryArgument(mebibytes: 256)

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

    func configuration(image: String?, name: String?, hostname: String?) throws -> VMConfig {
        // A kernel and an initramfs of one's own are all that a guest needs.
        let isComplete = kernel != nil && initrd != nil
        var configuration = VMConfig(
            id: name, image: image ?? (isComplete ? nil : BaseImagePreset.minimal.rawValue),
            machineConfig: .init(vcpuCount: cpus, memSizeMib: memory.mebibytes), hostname: hostname)
        if kernel != nil || initrd != nil || bootArgs != nil {
            configuration.bootSource = .init(kernelImagePath: kernel, initrdPath: initrd, bootArgs: bootArgs)
        }
        if let rootfs {
            configuration.drives = [
                .init(driveId: "rootfs", pathOnHost: rootfs, isRootDevice: true, isReadOnly: true)
            ]
        }
        return configuration
    }
}
