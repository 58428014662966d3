@_exported public import FirecrackerAPI
@_exported public import FirecrackerClient

/// Where and with what VMs are made.
public struct SmartVMOptions: Sendable {
    /// Images and the directories of running VMs. Default: see ``DataDirectory/init(_:)``.
    public var dataDirectory: String?
    /// `firecracker`, `qemu`, or the path of a program that takes Firecracker's command line. Default: chosen by what this machine
    /// can do.
    public var vmm: String?

    public init(dataDirectory: String? = nil, vmm: String? = nil) {
        self.dataDirectory = dataDirectory
        self.vmm = vmm
    }
}

/// Makes microVMs.
///
///     let smartVM = try SmartVM()
///     try await smartVM.withVM(VMConfig(image: "minimal")) { vm in
///         print(try await vm.exec(["uname", "-a"]).standardOutput)
///     }
public struct SmartVM: Sendable {
    private let dataDirectory: DataDirectory
    private let vmmSelection: VMMSelection
    private let directories: RuntimeDirectories

    /// - Throws: ``SmartVMError`` if the data directory cannot be used.
    public init(_ options: SmartVMOptions = .init()) throws {
        dataDirectory = if let path = options.dataDirectory { DataDirectory(path: path) } else { try DataDirectory() }
        try dataDirectory.prepare()
        vmmSelection = options.vmm.map { VMMSelection($0) } ?? .automatic
        directories = RuntimeDirectories(dataDirectory: dataDirectory.path)
    }

    /// The images of the data directory.
    public var baseImageManager: BaseImageManager { BaseImageManager(dataDirectory) }

    /// Boots a VM, gives it to `body`, and ends it however `body` ends: when this returns, nothing of it is left on the host.
    ///
    /// Also takes back what VMs of killed processes have left.
    ///
    /// - Parameters:
    ///   - bootTimeout: How long the guest may take until it takes commands. Default: one minute.
    ///   - console: Gets what the guest prints on its serial console, as it comes, on a thread of its own.
    ///   - imageProgress: Told of the steps if the image must be made first.
    /// - Throws: ``SmartVMError``, or what `body` throws.
    public func withVM<Result>(
        _ config: VMConfig, bootTimeout: Duration = .seconds(60), console: (@Sendable ([UInt8]) -> Void)? = nil,
        imageProgress: @escaping ImageProgress.Handler = { _ in }, _ body: (MicroVM) async throws -> Result
    ) async throws -> Result {
        let vm = try await prepare(config, console: console, imageProgress: imageProgress)
        do {
            try await vm.start(bootTimeout: bootTimeout)
            let result = try await body(vm)
            await vm.stop()
            return result
        } catch {
            await vm.stop()
            throw error
        }
    }

    /// Ends and removes what VMs of killed processes have left. Every command that makes a VM does it too.
    ///
    /// - Returns: Their names.
    @discardableResult
    public func reclaimAbandoned() async -> [String] {
        let directories = directories
        return (try? await BlockingWork.run { directories.reclaimAbandoned() }) ?? []
    }

    private func prepare(
        _ config: VMConfig, console: (@Sendable ([UInt8]) -> Void)?,
        imageProgress: @escaping ImageProgress.Handler
    ) async throws -> MicroVM {
        let validation = config.validate()
        guard validation.valid else { throw VMConfig.refusal(validation.errors) }
        await reclaimAbandoned()
        let vmm = try vmmSelection.resolve(in: dataDirectory)
        var plan = try await BootPlan(config, in: dataDirectory, imageProgress: imageProgress)
        // Who watches the console wants to see more than errors; the later of two arguments counts.
        if console != nil, config.bootSource?.bootArgs == nil {
            plan.bootSource.bootArgs = plan.bootSource.bootArgs.map { "\($0) loglevel=7" }
        }
        let id = config.id ?? "vm-" + MicroVM.randomHexadecimal(bytes: 5)
        return MicroVM(
            id: id, plan: plan, hostname: config.hostname ?? id, vmm: vmm, directories: directories, console: console)
    }
}
