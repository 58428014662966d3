internal import FirecrackerClient

/// What the VMs of one ``SmartVM`` have in common on the host.
struct MicroVMHost: Sendable {
    var dataDirectory: DataDirectory
    var vmmSelection: VMMSelection
    var networkManager: NetworkManager
    var baseImageManager: BaseImageManager
    var imageManager: ImageManager
    /// The release of Firecracker that is to be used, and fetched if it is not there; nil: ``vmmSelection`` decides.
    var firecrackerVersion: String?
    /// As `uname -m` says it.
    var arch: String
    /// How VMMs are jailed; nil: they are not.
    var jailer: JailerConfig?

    var directories: RuntimeDirectories { RuntimeDirectories(dataDirectory: dataDirectory.path) }

    /// Finds the program that will run a VM.
    ///
    /// - Parameter progress: Told of the steps if a release of Firecracker must be fetched first.
    /// - Throws: `VMM_NOT_FOUND`; `UNSUPPORTED_ARCH` if guests of another architecture are wanted than this machine's; what
    ///   ``ImageManager/ensureVersion(_:force:progress:)`` throws.
    func resolveVMM(progress: @escaping ImageProgress.Handler = { _ in }) async throws -> VMM {
        guard arch == HostArchitecture.name else {
            throw SmartVMError(
                .unsupportedArchitecture, "This machine is \(HostArchitecture.name): it cannot run VMs of \(arch).",
                cure: "Leave `arch` out of the options.")
        }
        if let firecrackerVersion {
            let release = try await imageManager.ensureVersion(firecrackerVersion, progress: progress)
            return VMM(kind: .firecracker, path: release.firecrackerPath, reason: "It was asked for.")
        }
        // The first probe of KVM in a boot of the host waits for its guest.
        return try await BlockingWork.run { try vmmSelection.resolve(in: dataDirectory) }
    }
}
