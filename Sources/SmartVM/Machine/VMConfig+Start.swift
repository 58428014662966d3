internal import FirecrackerAPI
internal import FirecrackerClient

// What a VM asks of its configuration before anything is started.
extension VMConfig {
    /// - Throws: `INVALID_CONFIG` with all that is wrong.
    func requireValid() throws(SmartVMError) {
        let validation = validate()
        guard validation.valid else { throw Self.refusal(validation.errors) }
    }

    /// - Throws: `INVALID_CONFIG` with all that this release of Firecracker does not have.
    func requireValid(for version: FirecrackerVersion) throws(SmartVMError) {
        let validation = validate(for: version)
        guard validation.valid else { throw Self.refusal(validation.errors) }
    }
}

extension VMConfig.MachineConfig {
    /// Changes what an update names.
    mutating func apply(_ update: MachineConfigUpdate) {
        if let count = update.vcpuCount { vcpuCount = Int(count) }
        if let size = update.memSizeMib { memSizeMib = Int(clamping: size) }
        if let smt = update.smt { self.smt = smt }
        if let template = update.cpuTemplate { cpuTemplate = template == .empty ? nil : template }
        if let tracks = update.trackDirtyPages { trackDirtyPages = tracks }
        if let pages = update.hugePages { hugePages = pages }
    }
}
