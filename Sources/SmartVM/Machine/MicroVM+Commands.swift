internal import FirecrackerClient
internal import GuestProtocol

extension MicroVM {
    /// Runs a command in the guest; the command is killed when `body` returns before it has ended. Possible in the state `running`.
    ///
    /// - Throws: ``SmartVMError``: `INVALID_STATE` unless the VM runs, `GUEST_UNREACHABLE`, `GUEST_PROTOCOL`; what `body` throws.
    public nonisolated func withProcess<Result>(
        _ command: GuestCommand, _ body: (GuestProcess) async throws -> Result
    ) async throws -> Result {
        do {
            return try await GuestProcess.run(command, by: try await runningVsockPath(), body)
        } catch let error as SmartVMError where error.code == .guestUnreachable {
            throw await withLastWords(error)
        }
    }

    /// Runs a command in the guest to its end and collects what it prints. Possible in the state `running`.
    ///
    /// - Parameters:
    ///   - arguments: The program, found by the guest's `PATH`, and its arguments.
    ///   - input: Its standard input. Default: empty.
    ///   - limit: How many bytes of output are kept, of each stream; the rest is read and dropped. Default: 16 MiB.
    /// - Throws: As ``withProcess(_:_:)``.
    public nonisolated func exec(
        _ arguments: [String], input: [UInt8]? = nil, limit: Int = 16 << 20
    ) async throws -> GuestCommandResult {
        try await exec(GuestCommand(arguments, hasStandardInput: input != nil), input: input, limit: limit)
    }

    /// Runs a command in the guest to its end and collects what it prints. Possible in the state `running`.
    ///
    /// - Parameters:
    ///   - command: What runs, as whom, where.
    ///   - input: Its standard input, if the command has one.
    ///   - limit: How many bytes of output are kept, of each stream; the rest is read and dropped. Default: 16 MiB.
    /// - Throws: As ``withProcess(_:_:)``.
    public nonisolated func exec(
        _ command: GuestCommand, input: [UInt8]? = nil, limit: Int = 16 << 20
    ) async throws -> GuestCommandResult {
        try await withProcess(command) { try await $0.collectOutput(input: input, limit: limit) }
    }

    /// Where connections to the guest are made.
    ///
    /// - Throws: `INVALID_STATE` unless the VM runs.
    func runningVsockPath() throws(SmartVMError) -> String {
        try lifecycle.check(.runCommand, of: id)
        guard let vsockPath else {
            throw SmartVMError(
                .guestUnreachable, "VM \(id) has no vsock device by which its guest could be reached.",
                cure: "Restore it from a snapshot of a VM that has one.")
        }
        return vsockPath
    }

    /// An error of a connection that broke, with what the guest's console said meanwhile: a kernel that panicked has said why.
    private func withLastWords(_ error: SmartVMError) async -> SmartVMError {
        guard console != nil else { return error }
        // The connection breaks when the machine ends; the last lines are on their way then.
        try? await Task.sleep(for: .milliseconds(100))
        var error = error
        error.message += lastWords()
        return error
    }
}
