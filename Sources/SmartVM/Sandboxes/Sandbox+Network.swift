internal import FirecrackerAPI
internal import FirecrackerClient
internal import Linux

// The networks of a life: what is made for it, and given back if the life does not begin.
extension Sandbox {
    /// Takes its ports of the host.
    ///
    /// - Throws: `PORT_IN_USE`, `PORT_NOT_PERMITTED`.
    func takePorts(_ config: SandboxConfig) async throws -> [PortSocket] {
        let wanted = config.ports
        let store = manager.store
        let sockets = try await BlockingWork.run {
            try wanted.map { port in
                do throws(SmartVMError) {
                    return try PortSocket(port)
                } catch  where error.code == .portInUse {
                    throw try error.naming(store.vm(withPort: port.hostPort, port.transport.rawValue))
                }
            }
        }
        manager.step(.portsTaken)
        return sockets
    }

    /// Makes what it has in its networks, and puts its interfaces into the plan.
    func joinNetworks(
        _ record: VMRecord, _ config: SandboxConfig, ports: [PortSocket], _ boot: inout BootPlan
    ) async throws -> SandboxConnection {
        var connection = SandboxConnection(ports: ports)
        let names = config.networks ?? [DefinedNetworkRecord.defaultName]
        if names.isEmpty { return connection }
        if let problem = NetworkPermission.problem() {
            guard config.networks == nil, !config.requiresNetwork else {
                throw SmartVMError(
                    .networkNotPermitted, "The network of VM \(record.name) cannot be made.",
                    cure: problem + " Or give the VM no network, and no ports and rules.")
            }
            connection.problem = problem
            return connection
        }
        let places = Self.places(names, in: &boot)
        let demand = GuestNetworks.Demand(
            vm: id, name: record.name,
            interfaces: zip(names, places).map { name, place in
                let interface = boot.networkInterfaces[place]
                return .init(
                    network: name, id: interface.ifaceId, mac: interface.guestMac, mtu: interface.mtu.map { Int($0) })
            },
            egress: config.egress)
        do {
            connection.attachment = try await manager.networks.attach(demand)
        } catch let error as SmartVMError where config.networks == nil && !config.requiresNetwork && error.isOfHost {
            boot.networkInterfaces.removeLast()
            connection.problem = [error.message, error.cure].compactMap { $0 }.joined(separator: " ")
            return connection
        }
        for (place, interface) in zip(places, connection.attachment.interfaces) {
            boot.networkInterfaces[place].hostDevName = interface.tap.tapName
            boot.networkInterfaces[place].guestMac = interface.tap.mac
        }
        addKernelArgument(connection, places, &boot)
        connection.nameServers = manager.networks.nameServers(of: names[0])
        connection.refusesUnlisted = config.egress.refusesUnlistedNames
        manager.step(.networkMade)
        return connection
    }

    /// Where in the plan the interface of each network is: interfaces that name no TAP come first, what is missing is added.
    private static func places(_ networks: [String], in boot: inout BootPlan) -> [Int] {
        var places = boot.networkInterfaces.indices.filter { boot.networkInterfaces[$0].hostDevName.isEmpty }
        while places.count < networks.count {
            var number = 0
            while boot.networkInterfaces.contains(where: { $0.ifaceId == "eth\(number)" }) { number += 1 }
            places.append(boot.networkInterfaces.count)
            boot.networkInterfaces.append(NetworkInterface(ifaceId: "eth\(number)", hostDevName: ""))
        }
        return places
    }

    /// A guest without the agent has its first address from its kernel.
    private func addKernelArgument(_ connection: SandboxConnection, _ places: [Int], _ boot: inout BootPlan) {
        guard !boot.hasAgent, let place = places.first, let tap = connection.attachment.interfaces.first?.tap,
            let arguments = boot.bootSource.bootArgs,
            !arguments.split(separator: " ").contains(where: { $0.hasPrefix("ip=") })
        else { return }
        let address = manager.host.networkManager.getGuestNetworkBootArgs(tap, interface: "eth\(place)")
        boot.bootSource.bootArgs = "\(arguments) \(address)"
    }

    /// Gives back what a life has in networks that did not begin.
    func disconnect() async {
        let (networks, id) = (manager.networks, id)
        // What cannot be removed stays written down, and is taken back after this process.
        await BlockingWork.wait { _ = try? networks.giveBack(id) }
    }
}

/// Whether this process may make networks, as far as that can be told without trying.
enum NetworkPermission {
    /// CAP_NET_ADMIN.
    private static let capability: UInt64 = 12

    /// Nil: it may.
    static func problem() -> String? {
        let status = (try? File.readText("/proc/thread-self/status")) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let capabilities = line.flatMap { UInt64($0.split(whereSeparator: \.isWhitespace).last ?? "", radix: 16) } ?? 0
        guard capabilities >> capability & 1 == 1 else {
            return "This user may not configure the host's network. Start the VM as root (sudo) to give it one."
        }
        guard File.exists("/dev/net/tun") else {
            return "There is no /dev/net/tun. Load the kernel's module: sudo modprobe tun"
        }
        guard FirewallRules.tool.isInstalled else {
            return "nft is not installed. Install it: sudo apt-get install nftables"
        }
        return nil
    }
}

extension SmartVMError {
    /// The same, if a VM of ours has the port, with its name.
    fileprivate func naming(_ vm: String?) -> SmartVMError {
        guard let vm else { return self }
        return SmartVMError(
            code, message.replacing(" by another program, or by another VM", with: " by the VM \(vm)"),
            cure: "Choose another port, or 0 for one that is free; or stop that VM: smartvm stop \(vm)",
            underlying: underlying)
    }

    /// Whether it says that this host has no network for guests.
    fileprivate var isOfHost: Bool { [.networkNotPermitted, .networkFailed, .programNotFound].contains(code) }
}
