/// The means by which a VM is stopped, from the gentlest to the one that never fails.
public enum StopRung: String, Hashable, Sendable, CaseIterable {
    /// The guest's agent is asked to end the processes of the guest, to flush its file systems, and to power it off.
    case guest
    /// The three keys are pressed: guests without the agent that have a keyboard driver shut down.
    case ctrlAltDel
    /// The VMM gets SIGTERM, and the guest ends at once.
    case terminate
    /// The VMM and all processes of its session get SIGKILL.
    case kill
}

/// How long each means of stopping a VM is given; nil leaves it out.
public struct StopPolicy: Hashable, Sendable {
    /// For the guest's agent. Default: 10 seconds, of which it gives the guest's processes 8 to end by themselves.
    public var guest: Duration?
    /// For Ctrl-Alt-Del. Default: 5 seconds.
    public var ctrlAltDel: Duration?
    /// For SIGTERM. Default: 3 seconds.
    public var terminate: Duration?

    /// SIGKILL is not in here: it comes last whatever is left out, and is waited for.
    public init(
        guest: Duration? = .seconds(10), ctrlAltDel: Duration? = .seconds(5), terminate: Duration? = .seconds(3)
    ) {
        self.guest = guest
        self.ctrlAltDel = ctrlAltDel
        self.terminate = terminate
    }

    /// The guest is asked first.
    public static let graceful = StopPolicy()
    /// For VMs that are thrown away: SIGTERM, then SIGKILL.
    public static let quick = StopPolicy(guest: nil, ctrlAltDel: nil)

    /// The time of a rung; nil if it is left out, unlimited for the last one.
    func limit(of rung: StopRung) -> Duration? {
        switch rung {
        case .guest: guest
        case .ctrlAltDel: ctrlAltDel
        case .terminate: terminate
        case .kill: .seconds(1 << 30)
        }
    }
}
