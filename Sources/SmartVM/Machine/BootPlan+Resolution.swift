internal import FirecrackerAPI
internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux

extension BootPlan {
    /// Finds what a configuration names, makes the image if it is needed and not there, and checks all of it.
    ///
    /// - Throws: ``SmartVMError`` that names the file or the number that cannot work: before anything is started.
    init(
        _ config: VMConfig, in dataDirectory: DataDirectory, imageProgress: @escaping ImageProgress.Handler
    ) async throws {
        let source = config.bootSource
        let root = config.drives.first(where: \.isRootDevice)
        // What a user names is looked at first: it fails in no time, and an image may take a minute to make.
        var ownKernel: String?
        if let path = source.kernelImagePath {
            try Self.requireFile(path, "kernel")
            ownKernel = try await KernelFile.executable(from: path, cache: try dataDirectory.directory("kernels"))
        }
        if let path = source.initrdPath { try Self.requireFile(path, "initramfs") }
        for drive in config.drives { try Self.requireFile(drive.pathOnHost, "drive \(drive.driveId)") }
        if let root { _ = try RootFileSystem.check(root.pathOnHost) }

        let bundle: BaseImageBundle?
        if let ownKernel, source.initrdPath != nil, root != nil || config.image == nil {
            bundle = nil
            bootSource = BootSource(
                kernelImagePath: ownKernel, initrdPath: source.initrdPath,
                bootArgs: source.bootArgs ?? Self.defaultBootArgs)
        } else {
            let image = try await BaseImageManager(dataDirectory).ensureBaseImage(
                named: config.image ?? BaseImagePreset.minimal.rawValue, progress: imageProgress)
            bundle = image
            bootSource = BootSource(
                kernelImagePath: ownKernel ?? image.kernelImagePath, initrdPath: source.initrdPath ?? image.initrdPath,
                bootArgs: source.bootArgs ?? image.bootArgs)
        }
        machineConfig = MachineConfig(
            vcpuCount: UInt8(config.machineConfig.vcpuCount), memSizeMib: UInt(config.machineConfig.memSizeMib))
        drives = config.drives.map { drive in
            Drive(
                driveId: drive.driveId, isRootDevice: drive.isRootDevice, isReadOnly: drive.isReadOnly,
                pathOnHost: Self.absolute(drive.pathOnHost))
        }
        if root == nil, let bundle {
            drives.insert(
                Drive(
                    driveId: "rootfs", isRootDevice: true, isReadOnly: bundle.rootfsIsReadOnly || bundle.agent != nil,
                    pathOnHost: bundle.rootfsPath),
                at: 0)
        }
        bootSource.kernelImagePath = Self.absolute(bootSource.kernelImagePath)
        bootSource.initrdPath = bootSource.initrdPath.map(Self.absolute)
        try checkMemory()
    }

    /// For kernels of one's own: the console to see, and a panic that ends the VM.
    private static let defaultBootArgs = "console=ttyS0 reboot=k panic=1"

    /// The VMM works in a directory of its own.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    private static func requireFile(_ path: String, _ what: String) throws(SmartVMError) {
        do throws(Errno) {
            let status = try FileStatus(of: path)
            if status.kind == .directory { throw .isDirectory }
            _ = try Descriptor.open(path, 0)
        } catch {
            throw SmartVMError(.invalidFile, "The \(what) \(path) cannot be used: \(error).", underlying: error)
        }
    }

    /// Memory that cannot hold the kernel, or that the host does not have, would fail later in words that say less.
    private func checkMemory() throws(SmartVMError) {
        let wanted = Int64(machineConfig.memSizeMib)
        let files = [bootSource.kernelImagePath, bootSource.initrdPath].compactMap { $0 }
        let bytes = files.reduce(Int64(0)) { sum, path in sum + ((try? FileStatus(of: path).size) ?? 0) }
        let least = bytes >> 20 + Self.workingMebibytes
        guard wanted >= least else {
            throw SmartVMError(
                .invalidConfiguration,
                "\(wanted) MiB of memory is too little: kernel and initramfs alone take \(bytes >> 20) MiB.",
                cure: "Give the VM at least \(least) MiB: --memory \(least).")
        }
        guard let host = HostMemory.totalMebibytes, wanted <= host else {
            throw SmartVMError(
                .invalidConfiguration,
                "\(wanted) MiB of memory is more than this machine has (\(HostMemory.totalMebibytes ?? 0) MiB).",
                cure: "Give the VM less: --memory.")
        }
    }

    /// What a Linux guest needs beside its kernel and initramfs to get as far as a command: the initramfs a second time, unpacked,
    /// and what the kernel reserves. The image `minimal` boots with 26 and panics with 22.
    private static let workingMebibytes: Int64 = 32
}

/// How much memory the host has.
enum HostMemory {
    static var totalMebibytes: Int64? {
        guard let text = try? File.readText("/proc/meminfo") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("MemTotal:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 >> 10 }
        }
        return nil
    }
}
