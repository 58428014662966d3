internal import FirecrackerClient
internal import Glibc
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
            let file = try file(of: input)
            let result = try await Subprocess.run(
                configuration,
                input: .fileDescriptor(FileDescriptor(rawValue: file.rawValue), closeAfterSpawningProcess: false),
                output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
            (standardOutput, standardError, status) = (
                result.standardOutput, result.standardError, result.terminationStatus
            )
        }
        try Task.checkCancellation()
        guard status.isSuccess else { throw failure(status, standardError, path: arguments.last ?? "") }
        return standardOutput
    }

    /// What a program reads, in a file: one that ends before it has read all of a pipe would have this process be sent SIGPIPE.
    private func file(of input: String) throws(SmartVMError) -> Descriptor {
        do throws(Linux.Errno) {
            let file = try SparseFile.inMemory("input", size: 0)
            try file.writeAll(Array(input.utf8))
            let number = file.rawValue
            _ = try systemCall { lseek(number, 0, SEEK_SET) }
            return file
        } catch {
            throw SmartVMError(.programFailed, "\(name) cannot be given its input: \(error).", underlying: error)
        }
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
