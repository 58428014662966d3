internal import FirecrackerClient
internal import GuestProtocol

extension GuestCommand {
    /// The command as the agent takes it.
    ///
    /// - Throws: ``SmartVMError`` with `INVALID_CONFIG` for what no command can be given: none at all, or a NUL character.
    func request() throws(SmartVMError) -> ExecRequest {
        guard arguments.first?.isEmpty == false else {
            throw SmartVMError(.invalidConfiguration, "There is no command to run.", cure: "Name one after `--`.")
        }
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let texts = arguments + variables + [workingDirectory ?? "", user ?? ""]
        guard !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw SmartVMError(
                .invalidConfiguration, "An argument, variable, directory or user holds a NUL character.",
                cure: "Linux ends such texts there; pass the data on standard input.")
        }
        return ExecRequest(
            arguments: arguments, environment: variables, workingDirectory: workingDirectory, user: user,
            terminal: terminal.map { .init(rows: $0.rows, columns: $0.columns) }, wantsStdin: hasStandardInput)
    }
}
