internal import FirecrackerClient
internal import Linux

/// What the VMs of one ``SmartVM`` have in common on the host.
struct MicroVMHost: Sendable {
    var dataDirectory: DataDirectory
    var vmmSelection: VMMSelection
    var networkManager: NetworkManager
    /// As `uname -m` says it.
    var arch: String
    /// How VMMs are jailed; nil: they are not.
    var jailer: JailerConfig?

    var directories: RuntimeDirectories { RuntimeDirectories(dataDirectory: dataDirectory.path) }

    /// Finds the program that will run a VM.
    ///
    /// - Throws: `VMM_NOT_FOUND`; `UNSUPPORTED_ARCH` if guests of another architecture are wanted than this machine's.
    func resolveVMM() async throws -> VMM {
        guard arch == Machine.architecture else {
            throw SmartVMError(
                .unsupportedArchitecture, "This machine is \(Machine.architecture): it cannot run VMs of \(arch).",
                cure: "Leave `arch` out of the options.")
        }
        // The first probe of KVM in a boot of the host waits for its guest.
        return try await BlockingWork.run { try vmmSelection.resolve(in: dataDirectory) }
    }
}
