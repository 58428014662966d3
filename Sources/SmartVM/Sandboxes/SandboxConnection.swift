internal import FirecrackerAPI
internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// How one life of a sandbox is connected: its ports, and what it has in its networks. The starter makes it and hands it to the
/// supervisor; what fails between the two gives it back.
struct SandboxConnection: Sendable {
    /// Taken before anything else is made.
    var ports: [PortSocket] = []
    var attachment = GuestNetworks.Attachment()
    /// Why there is no network, though there was to be one if possible.
    var problem: String?
    /// Whom the supervisor asks for names.
    var nameServers: [String] = []
    var refusesUnlisted = false

    /// What the supervisor inherits for it.
    var descriptors: [Int32] {
        ports.map(\.descriptor)
            + (attachment.resolver.map { [$0.datagramDescriptor, $0.streamDescriptor] } ?? [])
    }

    /// What is written down of its ports.
    var portRecords: [ConnectionRecord.Port] {
        ports.map(\.port).map {
            ConnectionRecord.Port(
                transport: $0.transport.rawValue, hostAddress: $0.hostAddress, hostPort: $0.hostPort,
                guestPort: $0.guestPort)
        }
    }

    /// What the supervisor does for it.
    ///
    /// - Parameter first: The number that the first of ``descriptors`` has there.
    func plan(firstDescriptor first: Int) -> NetworkPlan? {
        let guests = attachment.interfaces.map(\.tap.guestIp)
        guard let guest = guests.first else { return nil }
        var plan = NetworkPlan()
        plan.ports = ports.enumerated().map { index, socket in
            NetworkPlan.Port(
                transport: socket.port.transport == .tcp ? .tcp : .udp,
                descriptor: UInt32(clamping: first + index), guestAddress: guest,
                guestPort: UInt32(clamping: socket.port.guestPort))
        }
        if attachment.resolver != nil {
            let number = UInt32(clamping: first + ports.count)
            plan.resolver = NetworkPlan.Resolver(
                datagramDescriptor: number, streamDescriptor: number + 1, guests: guests, servers: nameServers,
                nameDirectories: attachment.nameDirectories, refusesUnlisted: refusesUnlisted)
        }
        plan.domainRules = attachment.domainRules.map {
            NetworkPlan.DomainRule(pattern: $0.pattern, allows: $0.allows, table: $0.table, set: $0.set)
        }
        return plan
    }

    /// What the guest is told.
    func describe(_ interfaces: [FirecrackerAPI.NetworkInterface], in guest: inout GuestDescription) {
        for (index, interface) in attachment.interfaces.enumerated() {
            let tap = interface.tap
            guest.interfaces.append(
                GuestDescription.Interface(
                    macAddress: tap.mac, addresses: ["\(tap.guestIp)/\(interface.prefixLength)"],
                    gateways: index == 0 ? [tap.gatewayIp] : [],
                    mtu: interfaces.first { $0.hostDevName == tap.tapName }?.mtu.map { UInt32(clamping: $0) }))
        }
        if attachment.resolver != nil, let tap = attachment.interfaces.first?.tap {
            guest.nameServers = [tap.gatewayIp]
        }
    }
}
