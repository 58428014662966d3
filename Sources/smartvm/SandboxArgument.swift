import ArgumentParser
import SmartVM

/// VMs that a command is about, and the doing of the same with each.
struct SandboxArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The VMs: names, or the beginnings of ids.", valueName: "vm"), completion: .sandboxes)
    var names: [String]

    /// Does something with each, says its name on standard output, and goes on after a failure, as docker does.
    func forEach(_ body: (Sandbox) async throws -> Void) async throws {
        try await Sandboxes(names: names).forEach { name, sandbox in
            try await body(sandbox)
            print(name)
        }
    }
}

/// The same for commands that can be about all VMs.
struct SandboxSelection: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The VMs: names, or the beginnings of ids.", valueName: "vm"), completion: .sandboxes)
    var names: [String] = []

    @Flag(name: .shortAndLong, help: "All VMs to which it applies.")
    var all = false

    func validate() throws {
        guard all == names.isEmpty else {
            throw ValidationError(all ? "--all is in place of names." : "Name the VMs, or give --all.")
        }
    }

    /// - Parameters:
    ///   - applies: Which ones `--all` means.
    ///   - ignoresMissing: Whether one that is not there is no failure.
    func forEach(
        where applies: (SandboxInfo) -> Bool, ignoresMissing: Bool = false, _ body: (Sandbox) async throws -> Void
    ) async throws {
        let chosen =
            all ? try await SmartVM().sandboxes.list(all: true).filter(applies).map(\.name) : names
        try await Sandboxes(names: chosen, ignoresMissing: ignoresMissing || all).forEach { name, sandbox in
            try await body(sandbox)
            print(name)
        }
    }
}

/// Several VMs by their names, one after another.
struct Sandboxes {
    var names: [String]
    /// Whether one that is not there is no failure.
    var ignoresMissing = false

    /// Goes on after a failure; ends with the worst status of all.
    func forEach(_ body: (_ name: String, Sandbox) async throws -> Void) async throws {
        let sandboxes = try SmartVM().sandboxes
        try await ExitStatus.told(ofEach: names, ignoring: ignoresMissing ? .noSuchVM : nil) { name in
            try await body(name, try await sandboxes.get(name))
        }
    }
}

/// The VM that a command is about.
struct SandboxArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The VM: its name, or the beginning of its id.", valueName: "vm"), completion: .sandboxes)
    var name: String

    init() {}

    init(name: String) {
        self.name = name
    }

    func sandbox() async throws -> Sandbox {
        try await SmartVM().sandboxes.get(name)
    }

    /// Does something with it; how a failure ends, ``ExitStatus`` says.
    func withSandbox<Result>(_ body: (Sandbox) async throws -> Result) async throws -> Result {
        try await ExitStatus.told { try await body(try await sandbox()) }
    }
}
