import SmartVM

/// One `smartvm run`: a VM's life around a command.
struct RunSession: Sendable {
    let configuration: VMConfig
    let command: GuestCommand
    let vmm: String?
    let bootTimeout: Duration
    let timeout: Duration?
    let showsConsole: Bool
    let showsTimings: Bool
    let interaction: Interaction

    /// The exit status, once nothing of the VM is left.
    func run() async throws -> Int32 {
        let smartVM = try SmartVM(SmartVMOptions(vmm: vmm))
        let console: (@Sendable ([UInt8]) -> Void)? =
            if showsConsole { { @Sendable bytes in StandardError.write(bytes) } } else { nil }
        let progress = ImageProgressReporter()
        let options = StartOptions(bootTimeout: bootTimeout, console: console, imageProgress: { progress.report($0) })
        return try await CommandInteraction(
            command: command, interaction: interaction, timeout: timeout, showsTimings: showsTimings, subject: "VM"
        ).run { attach in
            try await smartVM.withVM(configuration, options) { vm in
                if showsTimings { await report(vm) }
                return try await vm.withProcess(command, attach)
            }
        }
    }

    private func report(_ vm: MicroVM) async {
        let ready = await vm.guestBootTime ?? .zero
        StandardError.print("smartvm: guest ready at \(ready.seconds) s of its clock")
    }
}
