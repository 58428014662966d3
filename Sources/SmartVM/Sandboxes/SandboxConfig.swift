/// What a ``Sandbox`` is to be: a VM, and what surrounds its life.
public struct SandboxConfig: Hashable, Sendable {
    /// What the VM is made of. Its `id` becomes the sandbox's name, which is also the guest's host name unless that is set; default: made
    /// up.
    public var vm: VMConfig
    /// The VM's purpose: the sandbox ends when it does, with its status. It gets no standard input and no terminal. Default: none; then
    /// the guest runs until it shuts down or is stopped.
    public var command: GuestCommand?
    /// Whether it is started again after it has ended by itself. Default: no.
    public var restart: SandboxRestart
    /// It is stopped so long after its guest first ran. Default: never.
    public var lifetime: Duration?
    /// How long the guest may take to shut down in good order when the sandbox is stopped. Default: 10 seconds.
    public var stopTimeout: Duration
    /// How long the guest may take until it takes commands. Default: one minute.
    public var bootTimeout: Duration
    /// The size in bytes of a disk of the sandbox's own, which what the guest writes goes to and survives stop and start in. It is sparse:
    /// it takes what is written. Default: none, what the guest writes is kept in its memory and gone with each life.
    public var diskSize: Int64?
    /// What outlives it and is mounted in its guest. Default: nothing.
    public var volumes: [SandboxVolume]
    /// Directories of this host that its guest gets copies of at each start. Default: none.
    public var copyIns: [SandboxCopyIn]
    /// The VMM of all its lives: `firecracker`, `qemu`, or a path. Default: what the ``SmartVM`` that starts it chooses.
    public var vmm: String?
    /// How much each of its two logs may take on the host, in bytes; the oldest goes. Default: 30 MiB.
    public var logSize: Int64
    /// How is found out whether what it is for works. Default: not at all.
    public var health: SandboxHealthCheck?
    /// Whether it is removed, with all that it has, when its life is over: by whoever looks next. Default: no.
    public var removesAtEnd: Bool
    /// What was set by ``Sandbox/update(_:)``. Default: nothing.
    public var limits: SandboxLimits

    /// The networks that it is in, each by an interface: the first leads to the world, and its gateway answers questions for names. An
    /// interface of ``vm`` that names no TAP is for the first of them, and so on; what is missing is added. Default: nil, the network
    /// `default` if this process may make it, and none otherwise (``SandboxInfo/networkProblem`` says why). Empty: none.
    public var networks: [String]?
    /// Ports of the host that lead to the guest while it runs. Default: none.
    public var ports: [PublishedPort]
    /// What the guest may send beyond its networks. Default: everything.
    public var egress: EgressPolicy

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        vm: VMConfig, command: GuestCommand? = nil, restart: SandboxRestart = .never, lifetime: Duration? = nil,
        stopTimeout: Duration = .seconds(10), bootTimeout: Duration = .seconds(60), diskSize: Int64? = nil,
        volumes: [SandboxVolume] = [], copyIns: [SandboxCopyIn] = [], vmm: String? = nil, logSize: Int64 = 30 << 20,
        health: SandboxHealthCheck? = nil, removesAtEnd: Bool = false, limits: SandboxLimits = .init(),
        networks: [String]? = nil, ports: [PublishedPort] = [], egress: EgressPolicy = .init()
    ) {
        self.vm = vm
        self.command = command
        self.restart = restart
        self.lifetime = lifetime
        self.stopTimeout = stopTimeout
        self.bootTimeout = bootTimeout
        self.diskSize = diskSize
        self.volumes = volumes
        self.copyIns = copyIns
        self.vmm = vmm
        self.logSize = logSize
        self.health = health
        self.removesAtEnd = removesAtEnd
        self.limits = limits
        self.networks = networks
        self.ports = ports
        self.egress = egress
    }
}

/// Whether a ``Sandbox`` that has ended by itself is started again. It is not after somebody has stopped it, and not after the host was
/// restarted: there is no daemon that would see to that.
public enum SandboxRestart: Hashable, Sendable {
    /// It is not.
    case never
    /// If its status is not 0, at most so often; nil: without end.
    case onFailure(limit: Int?)
    /// Whatever its status.
    case always
    /// As ``always``; the name that docker has for it.
    case unlessStopped
}

extension SandboxRestart: LosslessStringConvertible {
    /// Reads `no`, `on-failure`, `on-failure:3`, `always`, `unless-stopped`.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        switch (parts.first ?? "", parts.count) {
        case ("no", 1): self = .never
        case ("always", 1): self = .always
        case ("unless-stopped", 1): self = .unlessStopped
        case ("on-failure", 1): self = .onFailure(limit: nil)
        case ("on-failure", 2):
            guard let limit = Int(parts[1]), limit > 0 else { return nil }
            self = .onFailure(limit: limit)
        default: return nil
        }
    }

    /// As ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .never: "no"
        case .always: "always"
        case .unlessStopped: "unless-stopped"
        case .onFailure(let limit): limit.map { "on-failure:\($0)" } ?? "on-failure"
        }
    }
}

extension SandboxConfig: Codable {
    private enum CodingKeys: String, CodingKey {
        case vm, command, restart, lifetimeSeconds, stopTimeoutSeconds, bootTimeoutSeconds, diskSize, volumes, copyIns
        case vmm, logSize, health, removesAtEnd, limits, networks, ports, egress
    }

    /// Reads what ``encode(to:)`` writes.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(vm: try values.decode(VMConfig.self, forKey: .vm))
        command = try values.decodeIfPresent(GuestCommand.self, forKey: .command)
        let text = try values.decodeIfPresent(String.self, forKey: .restart) ?? "no"
        guard let restart = SandboxRestart(text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .restart, in: values, debugDescription: "'\(text)' is no restart policy")
        }
        self.restart = restart
        lifetime = try values.decodeIfPresent(Double.self, forKey: .lifetimeSeconds).map { .saturating(seconds: $0) }
        if let time = try values.decodeIfPresent(Double.self, forKey: .stopTimeoutSeconds) {
            stopTimeout = .saturating(seconds: time)
        }
        if let time = try values.decodeIfPresent(Double.self, forKey: .bootTimeoutSeconds) {
            bootTimeout = .saturating(seconds: time)
        }
        diskSize = try values.decodeIfPresent(Int64.self, forKey: .diskSize)
        volumes = try values.decodeIfPresent([SandboxVolume].self, forKey: .volumes) ?? []
        copyIns = try values.decodeIfPresent([SandboxCopyIn].self, forKey: .copyIns) ?? []
        vmm = try values.decodeIfPresent(String.self, forKey: .vmm)
        if let size = try values.decodeIfPresent(Int64.self, forKey: .logSize) { logSize = size }
        health = try values.decodeIfPresent(SandboxHealthCheck.self, forKey: .health)
        removesAtEnd = try values.decodeIfPresent(Bool.self, forKey: .removesAtEnd) ?? false
        limits = try values.decodeIfPresent(SandboxLimits.self, forKey: .limits) ?? .init()
        networks = try values.decodeIfPresent([String].self, forKey: .networks)
        ports = try values.decodeIfPresent([PublishedPort].self, forKey: .ports) ?? []
        egress = try values.decodeIfPresent(EgressPolicy.self, forKey: .egress) ?? .init()
    }

    /// Writes times in seconds.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(vm, forKey: .vm)
        try values.encodeIfPresent(command, forKey: .command)
        try values.encode(restart.description, forKey: .restart)
        try values.encodeIfPresent(lifetime?.inSeconds, forKey: .lifetimeSeconds)
        try values.encode(stopTimeout.inSeconds, forKey: .stopTimeoutSeconds)
        try values.encode(bootTimeout.inSeconds, forKey: .bootTimeoutSeconds)
        try values.encodeIfPresent(diskSize, forKey: .diskSize)
        if !volumes.isEmpty { try values.encode(volumes, forKey: .volumes) }
        if !copyIns.isEmpty { try values.encode(copyIns, forKey: .copyIns) }
        try values.encodeIfPresent(vmm, forKey: .vmm)
        try values.encode(logSize, forKey: .logSize)
        try values.encodeIfPresent(health, forKey: .health)
        if removesAtEnd { try values.encode(true, forKey: .removesAtEnd) }
        if limits != .init() { try values.encode(limits, forKey: .limits) }
        try values.encodeIfPresent(networks, forKey: .networks)
        if !ports.isEmpty { try values.encode(ports, forKey: .ports) }
        if egress != EgressPolicy() { try values.encode(egress, forKey: .egress) }
    }
}

extension Duration {
    var inSeconds: Double {
        let (seconds, attoseconds) = min(max(self, .zero - Self.longest), Self.longest).components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
    /// Whole milliseconds, at least none, and at most as many as there are in ``longest``.
    var inMilliseconds: UInt64 {
        let (seconds, attoseconds) = min(max(self, .zero), Self.longest).components
        return UInt64(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    /// Some 30,000 years: what is longer is as good as forever, and calculates badly.
    static let longest = Duration.seconds(1_000_000_000_000)

    /// Of any number that somebody has written down.
    static func saturating(seconds: Double) -> Duration {
        let limit = longest.inSeconds
        return .seconds(seconds.isNaN ? 0 : min(max(seconds, -limit), limit))
    }
}
