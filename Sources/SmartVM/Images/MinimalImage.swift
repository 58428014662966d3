internal import FirecrackerClient
internal import Linux

/// How the `minimal` image is made: Debian's cloud kernel, the modules that a microVM needs, and a root file system of busybox.
///
/// Everything comes from Debian's packages, so that nothing but apt needs to be trusted. Kernel and modules are of one package and
/// therefore always fit. The root is ext4, because that is part of Debian's kernel: squashfs and erofs are modules, whose
/// loading costs more than the difference between the file systems. It is read-only and shared by all VMs, hence without a journal.
struct MinimalImage: Sendable {
    static let kernelPackage = "linux-image-cloud-\(debianArchitecture)"
    static let userlandPackage = "busybox-static"

    /// Loaded by the agent before anything else, in this order: what the way to the first command needs.
    static let bootModules = ["virtio_mmio", "virtio_blk", "vmw_vsock_virtio_transport", "overlay"]
    /// Loaded by the agent once the guest is up, or is told to use the network.
    static let lateModules = ["virtio_net", "virtio_rng", "virtio_balloon"]
    /// Loaded by the agent before the root file system is looked for, if there is a virtio device of the type.
    static let deviceModules: [(type: Int, names: [String])] = [
        (24, ["virtio_mem"]), (27, ["virtio_pmem", "nd_pmem"]),
    ]
    /// Loaded by the agent when a root file system is of that type.
    static let fileSystemModules = ["ext4", "squashfs", "erofs"]

    /// `panic=1` with `reboot=k` turns a panic into an end of the VMM. `cryptomgr.notests` leaves out self-tests of the kernel's
    /// ciphers, a quarter of a second in an emulated CPU. `quiet` keeps all but errors from a serial port that costs an exit of the
    /// guest for each character.
    static let bootArguments = "console=ttyS0 reboot=k panic=1 quiet cryptomgr.notests 8250.nr_uarts=1"

    /// Bytes that are needed while it is made: 180 MiB with Debian 12's packages, and room for larger ones.
    static let spaceNeeded: Int64 = 256 << 20

    static var debianArchitecture: String {
        #if arch(x86_64)
            "amd64"
        #else
            "arm64"
        #endif
    }

    /// What is made: the names of the files in the bundle's directory.
    enum FileName {
        static let kernel = "vmlinux"
        static let modules = ImageDirectory.modulesName
        static let rootFileSystem = "rootfs.ext4"
    }

    /// Makes kernel, modules and root file system.
    ///
    /// - Parameters:
    ///   - bundle: An empty directory for the results.
    ///   - scratch: An empty directory for what is made on the way; the caller removes it.
    /// - Returns: Debian's packages as `name=version`, the kernel's first.
    func make(in bundle: String, scratch: String, progress: ImageSteps) async throws -> [String] {
        let archive = DebianArchive(directory: "\(scratch)/apt")
        let tree = "\(scratch)/tree"

        try progress.begin("Reading the lists of Debian's packages", upTo: 0.25)
        try await archive.prepare()
        try await archive.update(progress: progress.within)

        let kernelPrefix = "linux-image-"
        let kernel = try await archive.dependency(of: Self.kernelPackage, startingWith: kernelPrefix)
        try progress.begin("Downloading \(kernel) and \(Self.userlandPackage)", upTo: 0.7)
        var packages = try await archive.unpack([kernel, Self.userlandPackage], into: tree, progress: progress.within)
        packages.sort { one, _ in one.hasPrefix(kernelPrefix) }

        let release = String(kernel.dropFirst(kernelPrefix.count))
        try progress.begin("Unpacking the kernel", upTo: 0.8)
        try await KernelFile.unpack("\(tree)/boot/vmlinuz-\(release)", to: "\(bundle)/\(FileName.kernel)")
        try progress.begin("Packing the kernel's modules", upTo: 0.85)
        try await packModules(of: release, from: tree, scratch: scratch, to: "\(bundle)/\(FileName.modules)")
        try progress.begin("Making the root file system", upTo: 0.95)
        try await BusyboxRoot(busybox: "\(tree)/bin/busybox")
            .make("\(bundle)/\(FileName.rootFileSystem)", scratch: scratch)
        return packages
    }

    private func packModules(of release: String, from tree: String, scratch: String, to archive: String) async throws {
        try await Tool.depmod.run(["-b", tree, release])
        let source = "\(tree)/lib/modules/\(release)"
        let modules = KernelModules(dependencies: try File.readText("\(source)/modules.dep"))
        let chosen = modules.loadOrder(
            Self.bootModules + Self.lateModules + Self.deviceModules.flatMap(\.names) + Self.fileSystemModules)

        let root = try ImageTree(root: "\(scratch)/initramfs")
        for directory in Initramfs.directories { try root.directory(directory) }
        for path in chosen {
            let module = KernelModules.withoutSignature(try File.read("\(source)/\(path)"))
            try root.file("lib/modules/\(release)/\(path)", module)
        }
        try root.file("lib/modules/\(release)/modules.dep", Array(modules.dependencies(of: chosen).utf8))
        let lists =
            [("smartvm", Self.bootModules), ("smartvm-late", Self.lateModules)]
            + Self.deviceModules.map { ("smartvm-virtio-\($0.type)", $0.names) }
        for (list, names) in lists {
            let lines = modules.names(of: modules.loadOrder(names)).map { "\($0)\n" }.joined()
            try root.file("etc/modules-load.d/\(list).conf", Array(lines.utf8))
        }
        try await Initramfs().pack(root.root, to: archive)
    }
}
