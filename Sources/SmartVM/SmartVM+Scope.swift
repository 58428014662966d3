extension SmartVM {
    /// Boots a VM, gives it to `body`, ends it however `body` ends, and forgets it: when this returns, nothing of it is left on the host.
    ///
    /// - Parameters:
    ///   - config: What the VM is to be.
    ///   - body: Uses the VM, which runs.
    ///   - options: How it is started.
    ///   - stopPolicy: How it is ended. Default: without asking the guest, for it is thrown away.
    /// - Throws: As ``createVM(_:)`` and ``MicroVM/start(_:)`` do; what `body` throws.
    public func withVM<Result>(
        _ config: VMConfig, _ options: StartOptions = .init(), stopPolicy: StopPolicy = .quick,
        _ body: (MicroVM) async throws -> Result
    ) async throws -> Result {
        let vm = try await createVM(config)
        do {
            try await vm.start(options)
            let result = try await body(vm)
            await removeVM(vm.id, stopPolicy)
            return result
        } catch {
            await removeVM(vm.id, stopPolicy)
            throw error
        }
    }
}
