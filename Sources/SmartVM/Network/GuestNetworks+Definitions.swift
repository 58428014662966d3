internal import FirecrackerClient
internal import GuestProtocol
internal import Linux

/// Which networks there are.
extension GuestNetworks {
    /// The settings of the default network, as it is if nothing else is written down.
    func defaultSettings() throws(SmartVMError) -> NetworkSettings {
        try settings(implicitDefault())
    }

    /// The settings of a network by which it can be made now.
    ///
    /// A subnet that nobody has chosen is another one if the host has come to use it in another way; one that the network has in this
    /// namespace at present it keeps.
    ///
    /// - Throws: `NO_SUCH_NETWORK`, `SUBNET_IN_USE` if no subnet is left.
    func settings(of name: String) throws(SmartVMError) -> NetworkSettings {
        var definition = try definition(of: name)
        var session = try NetworkSession(settings(definition))
        if let made = try store.network(session.key) {
            definition.subnet = made.subnet
            return try settings(definition)
        }
        // The bridge of a database that was lost is in the way, or is taken in again.
        _ = try session.reconcile()
        if let made = try store.network(session.key) {
            definition.subnet = made.subnet
            return try settings(definition)
        }
        if !definition.hasOwnSubnet, try session.conflict() != nil {
            let others = try store.definedNetworks().filter { $0.name != name }
            definition.subnet = try Self.freeSubnet(others, session.routes())
            try store.setSubnet(definition.subnet, ofNetwork: name)
        }
        return try settings(definition)
    }

    /// The settings of a definition.
    ///
    /// - Parameter subnet: The one that it has on this host. Default: what is written down.
    func settings(
        _ definition: DefinedNetworkRecord, subnet: String? = nil
    ) throws(SmartVMError) -> NetworkSettings {
        // The options are the default network's; the others have what they were defined with.
        let isDefault = definition.name == DefinedNetworkRecord.defaultName
        var settings = NetworkSettings(
            subnet: try Subnet(subnet ?? definition.subnet), bridge: definition.bridge,
            isolatesGuests: isDefault ? options.isolatesGuests : definition.isolatesGuests,
            openHostPorts: isDefault ? options.openHostPorts : [],
            nameServers: isDefault ? options.nameServers?.compactMap { IPAddress($0) } : nil, store: store,
            dataDirectory: dataDirectory)
        settings.firewall = firewall
        settings.step = step
        return settings
    }

    private func definition(of name: String) throws(SmartVMError) -> DefinedNetworkRecord {
        if name == DefinedNetworkRecord.defaultName {
            let implicit = implicitDefault()
            let written = try store.ensureDefined(implicit)
            // What this process was told to use goes before what is remembered.
            return implicit.hasOwnSubnet || written.bridge != implicit.bridge ? implicit : written
        }
        guard let definition = try store.definedNetworks().first(where: { $0.name == name }) else {
            throw .noSuchNetwork(name)
        }
        return definition
    }

    /// Whom a VM's supervisor asks for names of the world.
    ///
    /// - Parameter network: The VM's first.
    func nameServers(of network: String) -> [String] {
        let own = network == DefinedNetworkRecord.defaultName ? options.nameServers : nil
        return own ?? HostResolver.ownServers()
    }

    func implicitDefault() -> DefinedNetworkRecord {
        DefinedNetworkRecord(
            name: DefinedNetworkRecord.defaultName, bridge: options.bridgeName, subnet: options.subnet,
            hasOwnSubnet: options.subnet != NetworkManagerOptions().subnet, isolatesGuests: options.isolatesGuests,
            createdAt: Int64(clamping: Clock.realtimeNanoseconds))
    }

    /// Defines a network; nothing is made on the host before one of its VMs starts.
    ///
    /// - Throws: `INVALID_CONFIG`, `INVALID_SUBNET`, `SUBNET_IN_USE`, `NETWORK_EXISTS`.
    func create(_ config: NetworkConfig) throws(SmartVMError) -> DefinedNetworkRecord {
        try Self.check(config.name)
        let subnet = try config.subnet.map { text throws(SmartVMError) in try Subnet(text) }
        let standard = try store.ensureDefined(implicitDefault())
        var session = try NetworkSession(settings(standard))
        if let subnet { try session.checkRoutes(subnet) }
        let taken = Set(try session.linkNames())
        // Looked at before the transaction begins, which keeps other processes from the database.
        let routes = try session.routes()
        return try store.define(config.name) { others in
            let chosen = try subnet ?? Subnet(Self.freeSubnet(others, routes))
            for other in others {
                let theirs = try Subnet(other.subnet)
                guard chosen.overlaps(base: theirs.base, prefixLength: theirs.prefixLength) else { continue }
                throw SmartVMError(
                    .subnetInUse, "The subnet \(chosen) overlaps \(theirs), that of the network \(other.name).",
                    cure: "Choose another subnet, for example 10.213.0.0/24, or none.")
            }
            var number = 1
            while taken.contains("svbr\(number)") || others.contains(where: { $0.bridge == "svbr\(number)" }) {
                number += 1
            }
            return DefinedNetworkRecord(
                name: config.name, bridge: "svbr\(number)", subnet: "\(chosen)", hasOwnSubnet: subnet != nil,
                isolatesGuests: config.isolatesGuests, createdAt: Int64(clamping: Clock.realtimeNanoseconds))
        }
    }

    /// Forgets a network.
    ///
    /// - Throws: `NO_SUCH_NETWORK`; `NETWORK_IN_USE`; `INVALID_CONFIG` for the default one.
    func remove(_ name: String) throws(SmartVMError) {
        guard name != DefinedNetworkRecord.defaultName else {
            throw SmartVMError(.invalidConfiguration, "The network \(name) cannot be removed: there always is one.")
        }
        try store.remove(network: name)
    }

    /// All networks, the default one first.
    func all() throws(SmartVMError) -> [DefinedNetworkRecord] {
        let defined = try store.definedNetworks()
        let others = defined.filter { $0.name != DefinedNetworkRecord.defaultName }
        var implicit = implicitDefault()
        implicit.createdAt = 0
        var standard = defined.first { $0.name == DefinedNetworkRecord.defaultName } ?? implicit
        standard.isolatesGuests = options.isolatesGuests
        return [standard] + others
    }

    private static func check(_ name: String) throws(SmartVMError) {
        guard ResourceName.isWellFormed(name), !["none", "host"].contains(name) else {
            throw SmartVMError(
                .invalidConfiguration, "'\(name)' cannot name a network.",
                cure: "Give 1 to 63 letters, digits, '-', '_' or '.', a letter or digit first; not none or host.")
        }
    }

    /// The first of the pool that neither another network nor the host has.
    private static func freeSubnet(
        _ others: [DefinedNetworkRecord], _ routes: [NetworkRoute]
    ) throws(SmartVMError) -> String {
        let taken = others.compactMap { try? Subnet($0.subnet) }
        for number in UInt32(0)...255 {
            let subnet = try Subnet("172.30.\(number).0/24")
            let isTaken =
                taken.contains { subnet.overlaps(base: $0.base, prefixLength: $0.prefixLength) }
                || routes.contains { subnet.overlaps(base: $0.destination, prefixLength: $0.prefixLength) }
            if !isTaken { return "\(subnet)" }
        }
        throw SmartVMError(
            .subnetInUse, "No subnet of 172.30.0.0/16 is free on this host.",
            cure: "Choose one yourself: smartvm network create NAME --subnet 10.213.0.0/24")
    }
}
