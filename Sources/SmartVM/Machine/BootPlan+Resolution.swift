internal import FirecrackerAPI
internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux

extension BootPlan {
    /// Finds what a configuration names, makes the image if it is needed and not there, and checks all of it.
    ///
    /// - Parameters:
    ///   - config: Valid.
    ///   - images: Has the image that the configuration names, or gets it.
    /// - Throws: ``SmartVMError`` that names the file or the number that cannot work: before anything is started.
    init(
        _ config: VMConfig, in dataDirectory: DataDirectory, images: BaseImageManager,
        imageProgress: @escaping ImageProgress.Handler
    ) async throws {
        // What a user names is looked at first: it fails in no time, and an image may take a minute to make.
        try Self.checkFiles(of: config)
        var ownKernel: String?
        if let path = config.bootSource?.kernelImagePath {
            ownKernel = try await KernelFile.executable(from: path, cache: try dataDirectory.directory("kernels"))
        }
        var image: BaseImageBundle?
        if let name = config.image {
            image = try await images.ensureBaseImage(named: name, progress: imageProgress)
        }
        self.init(config, kernel: ownKernel, image: image)
        if let image { imageUse = try images.use(image) }
        try checkMemory()
        try checkVsockPath()
    }

    /// Puts together what the configuration and its image give; looks at no file.
    ///
    /// - Parameter kernel: The configuration's own, if it has one, in the form that a VMM boots.
    init(_ config: VMConfig, kernel: String?, image: BaseImageBundle?) {
        var bootSource = config.toBootSourcePayload()
        bootSource.kernelImagePath = Self.absolute(kernel ?? image?.kernelImagePath ?? bootSource.kernelImagePath)
        bootSource.initrdPath = (bootSource.initrdPath ?? image?.initrdPath).map(Self.absolute)
        bootSource.bootArgs = bootSource.bootArgs ?? Self.arguments(of: image, config) ?? Self.defaultBootArgs
        self.bootSource = bootSource
        hasAgent = bootSource.initrdPath != nil

        machineConfig = config.toMachineConfigPayload()
        cpuConfig = config.toCpuConfigPayload()
        drives = config.drives.map { drive in
            var payload = config.toDrivePayload(drive)
            payload.pathOnHost = payload.pathOnHost.map(Self.absolute)
            payload.socket = payload.socket.map(Self.absolute)
            return payload
        }
        pmem = config.pmem.map { device in
            var payload = config.toPmemPayload(device)
            payload.pathOnHost = Self.absolute(payload.pathOnHost)
            return payload
        }
        if let image, !drives.contains(where: \.isRootDevice), !pmem.contains(where: \.rootDevice) {
            drives.insert(Self.rootDrive(of: image, beside: drives), at: 0)
        }
        networkInterfaces = config.networkInterfaces.map(config.toNetworkInterfacePayload)
        let vsock = config.toVsockPayload()
        guestCid = vsock?.guestCid ?? 3
        vsockPath = (vsock?.udsPath).map(Self.absolute)
        balloon = config.toBalloonPayload()
        memoryHotplug = config.toMemoryHotplugPayload()
        entropy = config.toEntropyPayload() ?? EntropyConfig()
        mmds = config.toMmdsConfigPayload()
        var serial = config.toSerialPayload()
        serial?.serialOutPath = config.serial?.serialOutPath.map(Self.absolute)
        self.serial = serial
        metrics = config.metrics.map { MetricsConfig(metricsPath: Self.absolute($0.metricsPath)) }
        var logger = config.toLoggerPayload()
        logger?.logPath = config.logger?.logPath.map(Self.absolute)
        self.logger = logger
    }

    /// An image's command line; many say that there is no PCI bus, which without them a kernel would look for.
    private static func arguments(of image: BaseImageBundle?, _ config: VMConfig) -> String? {
        guard config.enablePCI else { return image?.bootArgs }
        return image?.bootArgs.split(separator: " ").filter { $0 != "pci=off" }.joined(separator: " ")
    }

    /// For kernels of one's own: the console to see, and a panic that ends the VM.
    private static let defaultBootArgs = "console=ttyS0 reboot=k panic=1"

    /// The image's root file system, under an id that no other drive has.
    private static func rootDrive(of image: BaseImageBundle, beside drives: [Drive]) -> Drive {
        var id = "rootfs"
        while drives.contains(where: { $0.driveId == id }) { id += "_" }
        return Drive(
            driveId: id, isRootDevice: true, isReadOnly: image.rootfsIsReadOnly || image.agent != nil,
            pathOnHost: image.rootfsPath)
    }

    /// The VMM works in a directory of its own.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") || path.isEmpty ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }
}
