internal import FirecrackerClient
internal import Linux
internal import Subprocess
internal import SystemPackage

/// A program of the system, run to its end: `apt-get`, `mkfs`, `lz4`. It is ended together with the task that runs it.
struct Tool: Sendable {
    /// Looked up on PATH unless it is a path.
    var name: String
    /// What it is needed for; ends the sentence that says it is missing.
    var purpose: String
    /// The Debian package that has it.
    var package: String

    /// Variables added to the inherited ones.
    var environment: [String: String] = [:]

    /// The same with further variables.
    func with(_ variables: [String: String]) -> Tool {
        var tool = self
        tool.environment = variables
        return tool
    }

    var isInstalled: Bool {
        name.contains("/") ? File.isExecutable(name) : HostEnvironment.current.program(name) != nil
    }

    /// Checks that it is installed.
    ///
    /// - Throws: `PROGRAM_NOT_FOUND`, with the command that installs it.
    func require() throws(SmartVMError) {
        if isInstalled { return }
        throw SmartVMError(
            .programNotFound, "\(name) is not installed; it is needed to \(purpose).",
            cure: "sudo apt-get install \(package)")
    }

    /// Runs it, and gives what it printed.
    ///
    /// - Parameters:
    ///   - input: For its standard input.
    ///   - line: Called with each line of standard output as it comes; then nothing is returned.
    /// - Throws: `PROGRAM_FAILED` with what it said last on standard error; `NO_SPACE`.
    @discardableResult
    func run(
        _ arguments: [String], in directory: String? = nil, input: String = "",
        line: (@Sendable (String) -> Void)? = nil
    ) async throws -> String {
        try require()
        var platform = PlatformOptions()
        platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .milliseconds(500))]
        let configuration = Configuration(
            executable: name.contains("/") ? .path(FilePath(name)) : .name(name), arguments: Arguments(arguments),
            environment: .inherit.updating(variables),
            workingDirectory: directory.map { FilePath($0) }, platformOptions: platform)

        let standardOutput: String
        let standardError: String
        let status: TerminationStatus
        if let line {
            let result = try await Subprocess.run(
                configuration, input: .none, output: .sequence, error: .string(limit: 1 << 20)
            ) { execution in
                for try await text in execution.standardOutput.strings() { line(text) }
            }
            (standardOutput, standardError, status) = ("", result.standardError, result.terminationStatus)
        } else {
            let result = try await Subprocess.run(
                configuration, input: .string(input), output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
            (standardOutput, standardError, status) = (
                result.standardOutput, result.standardError, result.terminationStatus
            )
        }
        try Task.checkCancellation()
        guard status.isSuccess else { throw failure(status, standardError, path: arguments.last ?? "") }
        return standardOutput
    }

    /// Words in English, which ``failure(_:_:path:)`` looks for, and the directories of system programs on PATH.
    private var variables: [Environment.Key: String?] {
        var variables: [Environment.Key: String?] = ["LC_ALL": "C.UTF-8"]
        let path = HostEnvironment.current.value("PATH").map { "\($0):" } ?? ""
        variables["PATH"] = "\(path)/usr/sbin:/usr/bin:/sbin:/bin"
        for (key, value) in environment { variables[.init(stringLiteral: key)] = value }
        return variables
    }

    private func failure(_ status: TerminationStatus, _ standardError: String, path: String) -> SmartVMError {
        if standardError.contains("No space left on device") { return .noSpace(at: path) }
        let lines = standardError.split(separator: "\n").suffix(5)
        return SmartVMError(
            .programFailed,
            lines.isEmpty ? "\(name) failed: \(status)." : "\(name) failed: \(lines.joined(separator: "\n"))")
    }
}
