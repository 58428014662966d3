public import FirecrackerClient
internal import GuestProtocol
internal import Linux
internal import Synchronization

/// The network of the guests: a bridge on the host, and for each guest's interface a TAP, an address, a MAC address and a place in the
/// firewall.
///
///     let manager = try NetworkManager()
///     let tap = try await manager.createTap(vmId: "web", ifaceId: "eth0")
///     // tap.tapName is the VMM's hostDevName, tap.mac its guestMac.
///     try await manager.removeTap(tap.tapName)
///
/// Theory of operation. The bridge has the subnet's first address and is the guests' gateway; what goes further is forwarded under the
/// host's address. It is made with the first TAP and removed with the last. What is made is first written into the database of the data
/// directory (`NetworkSession` says in which order), so that processes share a network without giving anything twice, and any of them
/// takes back what a killed one has left. Interfaces, addresses and rules per guest are made by netlink, in microseconds; the bridge's
/// rules are made by nft(8), once.
public final class NetworkManager: Sendable {
    /// The options that it was made with.
    public let options: NetworkManagerOptions
    let settings: NetworkSettings
    private let lock: NetworkLock
    /// The names of the TAPs that this manager has made.
    private let made = Mutex<Set<String>>([])
    private let hasReconciled = Mutex(false)

    /// Checks the options. Nothing is touched on the host before the first TAP is made.
    ///
    /// - Throws: `INVALID_SUBNET`, `INVALID_INTERFACE_NAME`, `INVALID_CONFIG` for a name server that is no IPv4 address.
    public convenience init(_ options: NetworkManagerOptions) throws(SmartVMError) {
        try self.init(options, step: { FaultPoint.reach("network.\($0.rawValue)") })
    }

    /// The same, with the options of the network itself.
    ///
    /// - Throws: `INVALID_SUBNET`, `INVALID_INTERFACE_NAME`.
    public convenience init(
        subnet: String = "172.30.0.0/24", bridgeName: String = "svbr0", dataDirectory: String? = nil
    ) throws(SmartVMError) {
        try self.init(NetworkManagerOptions(subnet: subnet, bridgeName: bridgeName, dataDirectory: dataDirectory))
    }

    /// - Parameter step: Called after each effect on the host, on the thread that had it.
    init(_ options: NetworkManagerOptions, step: @escaping @Sendable (NetworkStep) -> Void) throws(SmartVMError) {
        try InterfaceName.check(options.bridgeName)
        let subnet = try Subnet(options.subnet)
        let nameServers = try Self.addresses(options.nameServers)
        self.options = options
        let directory = options.dataDirectory.map { DataDirectory(path: $0) }
        settings = NetworkSettings(
            subnet: subnet, bridge: options.bridgeName, isolatesGuests: options.isolatesGuests,
            openHostPorts: options.openHostPorts, nameServers: nameServers,
            store: Store(path: directory?.databasePath), dataDirectory: directory?.path, step: step)
        lock = NetworkLock(dataDirectory: directory?.path)
    }

    /// Whether anything was ever written down in the data directory.
    var hasRecords: Bool { settings.store.path.map { File.exists($0) } ?? false }

    private static func addresses(_ texts: [String]?) throws(SmartVMError) -> [IPAddress]? {
        guard let texts else { return nil }
        var addresses: [IPAddress] = []
        for text in texts {
            guard let address = IPAddress(text), address.isIPv4 else {
                throw SmartVMError(
                    .invalidConfiguration, "'\(text)' is not the IPv4 address of a name server.",
                    cure: "Give four numbers, as in 192.0.2.53.")
            }
            addresses.append(address)
        }
        return addresses
    }
}

extension NetworkManager {
    /// Gives out the next free address of the subnet, to this process until it ends or ``releaseIp(_:)`` is called. ``createTap(vmId:ifaceId:mac:mtu:user:)`` does so
    /// by itself.
    ///
    /// - Returns: Dotted decimal.
    /// - Throws: `IP_EXHAUSTED`, `STORE_UNUSABLE`, `STORE_BUSY`, `DATA_DIRECTORY_UNUSABLE`.
    public func allocateIp() async throws -> String {
        try await exclusively { session in
            var report = NetworkReconciliation()
            _ = try session.takeBackAbandoned(&report)
            let addresses = session.settings.subnet.guestAddresses
            guard let lease = try session.store.lease(in: session.key, addresses: addresses, owner: session.owner)
            else { throw SmartVMError.exhausted(session.settings.subnet) }
            return Subnet.text(lease.address)
        }
    }

    /// Takes back an address that ``allocateIp()`` gave to this process. One that is not given out is no error.
    public func releaseIp(_ ip: String) async throws {
        try await exclusively(cancellable: false) { session in
            let (key, owner) = (session.key, session.owner)
            let leases = try session.store.networkState().leases.filter {
                $0.key == key && $0.tap == nil && Subnet.text($0.address) == ip && $0.owner == owner
            }
            try session.store.delete(leases: leases.map(\.id))
        }
    }

    /// Makes the host's end of a guest's interface: a TAP that is a port of the bridge, with an address, a MAC address and the rules that
    /// keep the guest to them. The bridge is made too if there is none. It lasts until ``removeTap(_:)``, or until this process ends and
    /// the next one takes it back. Asked again with the same names it gives the same.
    ///
    /// - Parameters:
    ///   - vmId: The VM.
    ///   - ifaceId: Its interface.
    ///   - mac: The guest's MAC address. Default: ``generateMac(_:_:)``, or another if somebody has that.
    ///   - mtu: Bytes. Default: 1500.
    ///   - user: The user who may open the TAP, for a VMM that runs as another. Default: none but who may configure the network.
    /// - Throws: ``SmartVMError``, and then nothing of it is left: `SUBNET_IN_USE` or `BRIDGE_IN_USE` before anything is touched,
    ///   `IP_EXHAUSTED`, `INVALID_MAC_ADDRESS`, `MAC_ADDRESS_IN_USE`, `NAME_IN_USE`, `NETWORK_NOT_PERMITTED`, `NETWORK_FAILED`,
    ///   `PROGRAM_NOT_FOUND` without nft(8), `STORE_UNUSABLE`, `STORE_BUSY`; `CancellationError`.
    public func createTap(
        vmId: String, ifaceId: String, mac: String? = nil, mtu: Int? = nil, user: UInt32? = nil
    ) async throws -> TapDevice {
        let attachment = NetworkSession.Attachment(
            vm: vmId, interface: ifaceId, mac: try mac.map { try MACAddress($0) },
            mtu: mtu.map { UInt32(clamping: $0) }, user: user)
        let needsReconciliation = hasReconciled.withLock { !$0 }
        let settings = settings
        let tap = try await lock.exclusively(cancellable: true) {
            let outcome = try await BlockingWork.wait {
                var session = try NetworkSession(settings)
                // The first operation of a process pays for looking at all interfaces.
                if needsReconciliation { _ = try session.reconcile() }
                return try session.attach(attachment)
            }
            guard let rules = outcome.missingRules else { return outcome.tap }
            do {
                try await rules.apply()
                try await BlockingWork.wait {
                    var session = try NetworkSession(settings)
                    try session.joinPorts()
                }
            } catch {
                try? await BlockingWork.wait {
                    var session = try NetworkSession(settings)
                    try session.detach(tapName: outcome.tap.tapName)
                }
                throw error
            }
            settings.step(.rulesMade)
            settings.step(.created)
            return outcome.tap
        }
        hasReconciled.withLock { $0 = true }
        made.withLock { _ = $0.insert(tap.tapName) }
        if Task.isCancelled {
            try await removeTap(tap.tapName)
            throw CancellationError()
        }
        return tap
    }

    /// Removes a TAP with its address and its rules, and with the last one of a network the bridge. One that is not there is no error.
    ///
    /// Call it when the VMM has ended: a VMM that runs would lose its network. It is not cancelled.
    ///
    /// - Throws: `NETWORK_NOT_PERMITTED`, `NETWORK_FAILED`, `STORE_UNUSABLE`, `STORE_BUSY`. What is left is taken back after this process.
    public func removeTap(_ tapName: String) async throws {
        try await exclusively(cancellable: false) { try $0.detach(tapName: tapName) }
        made.withLock { _ = $0.remove(tapName) }
    }

    /// Removes all TAPs that this manager has made.
    ///
    /// - Throws: What ``removeTap(_:)`` throws, after all of them have been tried.
    public func cleanup() async throws {
        var failure: (any Error)?
        for name in made.withLock({ $0.sorted() }) {
            do { try await removeTap(name) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// Puts right what killed processes have left of networks that were made with this data directory.
    ///
    /// - Returns: What was done.
    /// - Throws: `STORE_UNUSABLE`, `STORE_BUSY`, `DATA_DIRECTORY_UNUSABLE`; `PROGRAM_FAILED` if nft(8) does not make rules that are missing.
    @discardableResult
    public func reconcile() async throws -> NetworkReconciliation {
        let settings = settings
        return try await lock.exclusively(cancellable: true) {
            var (report, rules) = try await BlockingWork.wait {
                var session = try NetworkSession(settings)
                let report = try session.reconcile()
                return (report, try session.missingRules(try session.store.networkState()))
            }
            if let rules {
                try await rules.apply()
                report.restoredRules.append(settings.bridge)
            }
            try await BlockingWork.wait {
                var session = try NetworkSession(settings)
                try session.joinPorts()
            }
            return report
        }
    }

    private func exclusively<Result: Sendable>(
        cancellable: Bool = true, _ body: @escaping @Sendable (inout NetworkSession) throws -> Result
    ) async throws -> Result {
        let settings = settings
        return try await lock.exclusively(cancellable: cancellable) {
            try await BlockingWork.wait {
                var session = try NetworkSession(settings)
                return try body(&session)
            }
        }
    }
}
