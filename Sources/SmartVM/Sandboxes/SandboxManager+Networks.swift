internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// The networks that sandboxes can be in.
extension SandboxManager {
    /// Defines a network. Nothing is made on the host before the first sandbox in it starts.
    ///
    /// - Throws: `INVALID_CONFIG`, `INVALID_SUBNET`; `SUBNET_IN_USE` if another network or the host itself has a part of the subnet;
    ///   `NETWORK_EXISTS`; `STORE_UNUSABLE`, `STORE_BUSY`.
    @discardableResult
    public func createNetwork(_ config: NetworkConfig) async throws -> NetworkInfo {
        let networks = networks
        return try await BlockingWork.run { try networks.info(of: networks.create(config), members: [:]) }
    }

    /// All networks with those who are in them: the one named `default`, which there always is, and the others by name.
    public func listNetworks() async throws -> [NetworkInfo] {
        let (networks, store) = (networks, store)
        try? await networks.takeBack()
        return try await BlockingWork.run {
            let names = Dictionary(try store.vms().map { ($0.id, $0.name) }) { first, _ in first }
            return try networks.all().map { try networks.info(of: $0, members: names) }
        }
    }

    /// The network of this name.
    ///
    /// - Throws: `NO_SUCH_NETWORK`.
    public func getNetwork(_ name: String) async throws -> NetworkInfo {
        guard let network = try await listNetworks().first(where: { $0.name == name }) else {
            throw SmartVMError.noSuchNetwork(name)
        }
        return network
    }

    /// Forgets a network.
    ///
    /// - Throws: `NO_SUCH_NETWORK`; `NETWORK_IN_USE` while a sandbox is to be in it, whether it runs or not; `INVALID_CONFIG` for `default`.
    public func removeNetwork(_ name: String) async throws {
        let networks = networks
        try await BlockingWork.run { try networks.remove(name) }
    }
}

extension GuestNetworks {
    /// - Parameter members: The names of VMs by their ids.
    fileprivate func info(
        of network: DefinedNetworkRecord, members: [String: String]
    ) throws(SmartVMError) -> NetworkInfo {
        let state = try store.networkState()
        let leases = state.leases.filter { $0.key.bridge == network.bridge }
        let made = state.networks.first { $0.key.bridge == network.bridge }?.subnet
        let subnet = try Subnet(made ?? network.subnet)
        return NetworkInfo(
            name: network.name, subnet: "\(subnet)", gateway: Subnet.text(subnet.gateway), bridge: network.bridge,
            isolatesGuests: network.isolatesGuests,
            createdAt: network.createdAt == 0
                ? nil : Timestamp(nanoseconds: UInt64(clamping: network.createdAt)).text,
            members: leases.compactMap { lease in
                guard let tap = lease.tap, let name = members[tap.vm] else { return nil }
                return NetworkInfo.Member(
                    id: tap.vm, name: name, address: Subnet.text(lease.address), macAddress: tap.mac, tapName: tap.name)
            }.sorted { $0.name < $1.name })
    }

    /// What there is, for descriptions of many VMs.
    func overview() throws(SmartVMError) -> NetworkOverview {
        let made = try store.networkState().networks
        return NetworkOverview(
            defined: Dictionary(try all().map { ($0.bridge, $0) }) { first, _ in first },
            subnets: Dictionary(made.map { ($0.key, $0.subnet) }) { first, _ in first })
    }

    /// Whether somebody has removed the TAP of a VM that runs. What cannot be told is not said.
    private static func isInterfaceGone(_ lease: LeaseRecord) -> Bool {
        guard let tap = lease.tap, lease.owner.isAlive, lease.key.namespace == (try? NetworkNamespace.current()),
            var socket = try? NetlinkSocket()
        else { return false }
        do throws(Errno) { return try socket.link(named: tap.name) == nil } catch { return false }
    }

    /// Says how a VM that runs is connected.
    ///
    /// - Parameter overview: Default: what is written down now.
    func describe(
        _ connection: ConnectionRecord, _ overview: NetworkOverview? = nil, in info: inout SandboxInfo
    ) throws(SmartVMError) {
        info.networkProblem = connection.problem
        info.ports = connection.ports.map { port in
            PublishedPort(
                hostAddress: port.hostAddress, hostPort: port.hostPort, guestPort: port.guestPort,
                transport: PublishedPort.Transport(rawValue: port.transport) ?? .tcp)
        }
        if connection.leases.isEmpty { return }
        if let lost = connection.leases.first(where: { Self.isInterfaceGone($0) }), let tap = lost.tap {
            info.networkProblem =
                "The interface \(tap.name) is gone from the host: the guest reaches nobody by it until the VM is started anew."
        }
        let overview = if let overview { overview } else { try self.overview() }
        info.networks = connection.leases.compactMap { lease in
            guard let tap = lease.tap, let network = overview.defined[lease.key.bridge] else {
                return nil
            }
            let subnet = overview.subnets[lease.key] ?? network.subnet
            return SandboxInfo.Network(
                name: network.name, address: Subnet.text(lease.address),
                gateway: (try? Subnet(subnet)).map { Subnet.text($0.gateway) } ?? "", macAddress: tap.mac,
                interface: tap.interface, tapName: tap.name)
        }
    }
}

/// The networks that are defined, and those that are made.
struct NetworkOverview: Sendable {
    /// By their bridges.
    var defined: [String: DefinedNetworkRecord]
    /// Those that networks have at present.
    var subnets: [NetworkKey: String]
}
