internal import FirecrackerClient
internal import Glibc
internal import Linux

/// One operation on the host's network, made under the ``NetworkLock`` and on a thread that may block.
///
/// Theory of operation. What exists follows from the database: a network's row is there before its bridge and goes after it, a lease's
/// row is there before its TAP and goes after it. A network lasts as long as a lease in it has a TAP. So whoever holds the lock can tell
/// what an operation that was killed has left: leases of processes that have ended, networks without leases. Each operation begins
/// with taking that back.
struct NetworkSession: ~Copyable {
    let settings: NetworkSettings
    let key: NetworkKey
    let owner: ProcessIdentity
    let mark: InterfaceMark
    var socket: NetlinkSocket

    var store: Store { settings.store }

    /// - Throws: `NETWORK_FAILED` if the kernel gives no account of its network.
    init(_ settings: NetworkSettings) throws(SmartVMError) {
        let (owner, key) = try Self.looking { () throws(Errno) in
            (
                try ProcessIdentity(of: getpid()),
                NetworkKey(namespace: try NetworkNamespace.current(), bridge: settings.bridge)
            )
        }
        let socket = try Self.looking { () throws(Errno) in try NetlinkSocket() }
        self.settings = settings
        self.owner = owner
        self.key = key
        mark =
            settings.dataDirectory.map { InterfaceMark(dataDirectory: $0) }
            ?? InterfaceMark(process: owner, manager: settings.number)
        self.socket = socket
    }

    private static func looking<Result: ~Copyable>(
        _ body: () throws(Errno) -> Result
    ) throws(SmartVMError) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            throw .network("The network of this host cannot be looked at", error)
        }
    }

    func step(_ step: NetworkStep) {
        settings.step(step)
    }

    /// Whether an interface is one of ours: by its mark, or because it had no time to get one and a row of this boot says so.
    func isOurs(_ link: NetworkLink, kind: String, bootID: String) -> Bool {
        link.kind == kind && (link.alias == mark.text || link.alias == nil && bootID == owner.bootID)
    }
}

extension SmartVMError {
    /// A refusal of the kernel: `what` is a sentence without its full stop.
    static func network(_ what: String, _ error: Errno) -> SmartVMError {
        switch error {
        case .notPermitted, .permissionDenied:
            SmartVMError(
                .networkNotPermitted, "\(what): this process may not configure the network.",
                cure: "Run it as root (sudo), or give the VM no network.", underlying: error)
        case .notSupported:
            SmartVMError(
                .networkFailed, "\(what): the kernel cannot do that.",
                cure: "Load its modules: sudo modprobe -a bridge tun nf_tables", underlying: error)
        default:
            SmartVMError(.networkFailed, "\(what): \(error).", underlying: error)
        }
    }
}
