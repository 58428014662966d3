internal import Linux
internal import SupervisorProtocol

/// What is known of a ``Sandbox`` at one moment.
public struct SandboxInfo: Hashable, Sendable, Codable {
    /// Where a sandbox is in its life.
    public enum State: String, Hashable, Sendable, Codable {
        /// It was never started.
        case created
        /// Its guest boots.
        case starting
        /// Its guest runs, and its command if it has one.
        case running
        /// Its vCPUs are stopped.
        case paused
        /// It is being stopped.
        case stopping
        /// It has ended by itself and will be started again.
        case restarting
        /// It has ended.
        case exited
        /// It is being made.
        case creating
        /// It is being removed.
        case removing
        /// It has ended, and what it holds on the host could not be taken back yet.
        case dead

        /// Whether it has a VMM, or is to have one.
        public var isActive: Bool {
            switch self {
            case .starting, .running, .paused, .stopping, .restarting: true
            case .created, .exited, .creating, .removing, .dead: false
            }
        }
    }

    /// 12 hexadecimal digits.
    public var id: String
    /// Unique among all sandboxes of the data directory.
    public var name: String
    /// Where it is in its life.
    public var state: State
    /// The image that it boots from; empty if it has a kernel and drives of its own.
    public var image: String
    /// Its command; empty if it has none.
    public var command: String
    /// As RFC 3339 writes it, in UTC; so are the other times.
    public var createdAt: String
    /// Since when it runs, or ran last.
    public var startedAt: String?
    /// When it has ended.
    public var finishedAt: String?
    /// As shells report it, of its last life.
    public var exitStatus: Int?
    /// Why it ended, if not in the way that it should.
    public var error: String?
    /// How often it was started again by itself.
    public var restarts: Int
    /// Its supervisor's, while it is active.
    public var supervisorPid: Int?
    /// Its VMM's, while there is one.
    public var vmmPid: Int?
    /// How it does; nil if nobody has asked for checks, or it does not run.
    public var health: SandboxHealth?
    /// Its place in each of its networks, while it is active.
    public var networks: [Network] = []
    /// The ports of the host that lead to it, while it is active: with those that were drawn.
    public var ports: [PublishedPort] = []
    /// Why it has no network, if it was to have one where that is possible; or that its interface is gone from the host.
    public var networkProblem: String?

    /// The place of a sandbox in a network.
    public struct Network: Hashable, Sendable, Codable {
        /// The network's.
        public var name: String
        /// Dotted decimal.
        public var address: String
        /// The host's address in the network. Dotted decimal.
        public var gateway: String
        /// Lower case with colons.
        public var macAddress: String
        /// The interface's name in the VMM.
        public var interface: String
        /// The host's end.
        public var tapName: String
    }
}

extension SandboxInfo {
    /// - Parameter life: What the supervisor says, if it lives.
    init(_ record: VMRecord, life: LifeState?) {
        let time = { (nanoseconds: Int64?) in
            nanoseconds.map { Timestamp(nanoseconds: UInt64(clamping: $0)).text }
        }
        self.init(
            id: record.id, name: record.name, state: Self.state(record, life), image: record.image,
            command: record.command, createdAt: time(record.createdAt) ?? "", startedAt: time(record.startedAt),
            finishedAt: time(record.finishedAt), exitStatus: record.exitStatus.map { Int($0) }, error: record.error,
            restarts: Int(record.restarts))
        guard record.phase == .active else { return }
        supervisorPid = record.owner.map { Int($0.pid) }
        guard let life else { return }
        let moment = { (nanoseconds: UInt64?) in nanoseconds.map { Timestamp(nanoseconds: $0).text } }
        vmmPid = life.pid.map { Int($0) }
        startedAt = moment(life.startedAt)
        finishedAt = moment(life.finishedAt)
        exitStatus = life.exitStatus.map { Int($0) }
        error = life.error
        restarts = Int(life.restarts)
        if [.running, .paused].contains(life.phase) { health = life.health.map { SandboxHealth($0) } }
    }

    private static func state(_ record: VMRecord, _ life: LifeState?) -> State {
        switch record.phase {
        case .creating: .creating
        case .removing: .removing
        case .idle: record.generation == 0 ? .created : .exited
        case .active:
            switch life?.phase {
            case nil, .starting: .starting
            case .running: .running
            case .paused: .paused
            // It has ended and is about to be gone.
            case .stopping, .exited: .stopping
            case .restarting: .restarting
            }
        }
    }
}
