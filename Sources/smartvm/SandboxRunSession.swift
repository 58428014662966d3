import SmartVM

/// One `smartvm run` of a VM that has what only VMs that stay can have: it is one for as long as the command runs.
struct SandboxRunSession: Sendable {
    let configuration: SandboxConfig
    let command: GuestCommand
    let timeout: Duration?
    let interaction: Interaction

    /// The exit status, once nothing of the VM is left.
    func run() async throws -> Int32 {
        let smartVM = try SmartVM(SmartVMOptions(vmm: configuration.vmm))
        let progress = ImageProgressReporter()
        return try await CommandInteraction(
            command: command, interaction: interaction, timeout: timeout, showsTimings: false, subject: "VM"
        ).run { attach in
            try await smartVM.sandboxes.withSandbox(configuration, { progress.report($0) }) { sandbox in
                try await sandbox.withProcess(command, attach)
            }
        }
    }
}
