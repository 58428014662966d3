import ArgumentParser
import SmartVM

/// What surrounds the life of a VM that stays.
struct SandboxOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A disk of the VM's own for what its guest writes; it survives stop and start: 512m, 8g. Default: memory.",
            valueName: "size"))
    var disk: MemoryArgument?

    @Flag(help: "Keep what the guest writes in its memory (the default).")
    var ephemeral = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Mount a volume, which is made if it is missing, or a file with a file system: data:/srv, ./data.ext4:/srv:ro.",
            valueName: "name|file:path[:ro]"),
        transform: SandboxVolume.init(argument:))
    var volume: [SandboxVolume] = []

    @Option(
        help: ArgumentHelp(
            "Give the guest a copy of a directory at each start; what it writes there is gone with that life.",
            valueName: "dir:path"),
        transform: SandboxCopyIn.init(argument:))
    var copyIn: [SandboxCopyIn] = []

    @Option(
        help: ArgumentHelp(
            "Start it again when it ends by itself: no, on-failure[:n], always, unless-stopped.", valueName: "policy"))
    var restart = RestartArgument(.never)

    @Option(help: ArgumentHelp("Stop it after this time: 90, 1m30s, 2h.", valueName: "duration"))
    var ttl: DurationArgument?

    @Option(
        help: ArgumentHelp("How long its guest may take to shut down when it is stopped.", valueName: "duration"))
    var stopTimeout = DurationArgument(duration: .seconds(10))

    @Flag(help: "Remove it with all that it has when it ends.")
    var rm = false

    @Option(
        help: ArgumentHelp(
            "A command that the guest's /bin/sh runs again and again; the VM is healthy if its status is 0.",
            valueName: "command"))
    var healthCmd: String?

    @Option(help: ArgumentHelp("How long from one check to the next.", valueName: "duration"))
    var healthInterval = DurationArgument(duration: .seconds(30))

    @Option(help: ArgumentHelp("How long a check may take.", valueName: "duration"))
    var healthTimeout = DurationArgument(duration: .seconds(30))

    @Option(help: ArgumentHelp("So many failures one after another make it unhealthy.", valueName: "number"))
    var healthRetries = 3

    @Option(help: ArgumentHelp("So long after a start failures do not count.", valueName: "duration"))
    var healthStartPeriod = DurationArgument(duration: .zero)

    @Option(
        help: ArgumentHelp(
            "What is done if it becomes unhealthy: none, kill, restart, stop. After kill --restart decides.",
            valueName: "action"))
    var healthOnFailure = HealthActionArgument(action: .none)

    /// Whether a VM that is thrown away must be a sandbox for it: what is added to VMs that stay, and a foreground run can have too.
    var needsSandbox: Bool { disk != nil || !volume.isEmpty || !copyIn.isEmpty }

    /// What only a VM in the background can have.
    var backgroundOnly: Bool { ttl != nil || restart.policy != .never || healthCmd != nil }

    func validate() throws {
        if rm, restart.policy != .never { throw ValidationError("--rm and --restart exclude each other.") }
        if let ttl, ttl.duration <= .zero { throw ValidationError("--ttl is how long it may run: more than 0.") }
        if ephemeral, disk != nil { throw ValidationError("--disk and --ephemeral exclude each other.") }
    }

    func configuration(
        _ vm: VMConfig, command: GuestCommand?, bootTimeout: Duration
    ) -> SandboxConfig {
        SandboxConfig(
            vm: vm, command: command, restart: restart.policy, lifetime: ttl?.duration,
            stopTimeout: stopTimeout.duration,
            bootTimeout: bootTimeout, diskSize: disk.map { Int64($0.mebibytes) << 20 }, volumes: volume,
            copyIns: copyIn,
            health: health, removesAtEnd: rm)
    }

    private var health: SandboxHealthCheck? {
        healthCmd.map { command in
            SandboxHealthCheck(
                GuestCommand(["/bin/sh", "-c", command]), interval: healthInterval.duration,
                timeout: healthTimeout.duration, retries: healthRetries, startPeriod: healthStartPeriod.duration,
                onFailure: healthOnFailure.action)
        }
    }
}

extension SandboxVolume {
    fileprivate init(argument: String) throws {
        guard let volume = SandboxVolume(argument) else {
            throw ValidationError(
                "'\(argument)' is no volume: give NAME:PATH or FILE:PATH, with an absolute PATH, and :ro behind it to only read."
            )
        }
        self = volume
    }
}

extension SandboxCopyIn {
    fileprivate init(argument: String) throws {
        guard let copy = SandboxCopyIn(argument) else {
            throw ValidationError("'\(argument)' is no copy: give DIR:PATH, with an absolute PATH.")
        }
        self = copy
    }
}

/// What is done to an unhealthy VM, as podman writes it.
struct HealthActionArgument: ExpressibleByArgument {
    var action: SandboxHealthCheck.FailureAction

    init(action: SandboxHealthCheck.FailureAction) {
        self.action = action
    }

    init?(argument: String) {
        guard let action = SandboxHealthCheck.FailureAction(rawValue: argument) else { return nil }
        self.action = action
    }

    var defaultValueDescription: String { action.rawValue }
}

/// A restart policy as docker writes it.
struct RestartArgument: ExpressibleByArgument {
    var policy: SandboxRestart

    init(_ policy: SandboxRestart) {
        self.policy = policy
    }

    init?(argument: String) {
        guard let policy = SandboxRestart(argument) else { return nil }
        self.policy = policy
    }

    var defaultValueDescription: String { "\(policy)" }
}

/// What a VM that stays is made of: the options of `create` and of `run -d`.
struct SandboxMaker {
    var machine: MachineOptions
    var process: ProcessOptions
    var life: SandboxOptions
    var network: NetworkOptions

    /// Makes it; its command, if there is one, gets no terminal and no input.
    func make(image: String?, name: String?, command: [String]) async throws -> Sandbox {
        guard !process.interactive, !process.terminal else {
            throw ValidationError(
                "A VM in the background has no terminal and no input: leave -i and -t out, and use smartvm exec -it.")
        }
        let hasCommand = !command.isEmpty || process.entrypoint != nil
        let config = try configuration(
            image: image, name: name, command: hasCommand ? try process.command(command, terminal: nil) : nil)
        return try await SmartVM(SmartVMOptions(vmm: machine.vmm)).sandboxes.create(config)
    }

    /// - Parameter command: The VM's purpose; nil: it has none.
    func configuration(image: String?, name: String?, command: GuestCommand?) throws -> SandboxConfig {
        var config = life.configuration(
            try machine.configuration(image: image, name: name, hostname: process.hostname), command: command,
            bootTimeout: machine.bootTimeout.duration)
        config.vmm = machine.vmm
        network.apply(to: &config)
        return config
    }
}
