import ArgumentParser
import SmartVM

/// VMs that a command is about, and the doing of the same with each.
struct SandboxArguments: ParsableArguments {
    @Argument(help: ArgumentHelp("The VMs: names, or the beginnings of ids.", valueName: "vm"))
    var names: [String]

    /// Does something with each, says its name on standard output, and goes on after a failure, as docker does.
    ///
    /// - Parameter ignoresMissing: Whether one that is not there is no failure.
    func forEach(ignoresMissing: Bool = false, _ body: (Sandbox) async throws -> Void) async throws {
        let sandboxes = try SmartVM().sandboxes
        var hasFailed = false
        for name in names {
            do {
                try await body(try await sandboxes.get(name))
                print(name)
            } catch let error as SmartVMError {
                StandardError.print("smartvm: \(error)")
                if error.code != .noSuchVM || !ignoresMissing { hasFailed = true }
            }
        }
        if hasFailed { throw ExitCode.failure }
    }
}

/// The VM that a command is about.
struct SandboxArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The VM: its name, or the beginning of its id.", valueName: "vm"))
    var name: String

    init() {}

    init(name: String) {
        self.name = name
    }

    func sandbox() async throws -> Sandbox {
        try await SmartVM().sandboxes.get(name)
    }
}

extension SandboxArgument {
    /// Does something with it; a VM that is not there, or cannot do it, is a plain failure, as with docker.
    func withSandbox<Result>(_ body: (Sandbox) async throws -> Result) async throws -> Result {
        do {
            return try await body(try await sandbox())
        } catch let error as SmartVMError
            where [.noSuchVM, .invalidState, .nameInUse, .invalidConfiguration, .fileTransferFailed].contains(
                error.code)
        {
            StandardError.print("smartvm: \(error)")
            throw ExitCode.failure
        }
    }
}
