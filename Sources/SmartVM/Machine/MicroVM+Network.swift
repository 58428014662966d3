internal import FirecrackerAPI
internal import FirecrackerClient
internal import GuestProtocol

// The network interfaces for which the configuration names no TAP: the network manager makes one, which lives as long as the VM.
extension MicroVM {
    /// Makes what is missing, and puts it into the plan. A guest with the agent is told its addresses by that; for one without, the first
    /// interface is put on the kernel's command line.
    func attachNetwork(_ plan: inout BootPlan) async throws {
        for (index, interface) in config.networkInterfaces.enumerated() where interface.hostDevName == nil {
            let tap = try await makeTap(interface, mac: interface.guestMac)
            plan.networkInterfaces[index].hostDevName = tap.tapName
            plan.networkInterfaces[index].guestMac = tap.mac
            guestInterfaces.append(
                host.networkManager.guestInterface(for: tap, isDefaultRoute: taps.count == 1, mtu: interface.mtu))
            if !hasAgent, taps.count == 1, let arguments = plan.bootSource.bootArgs,
                !arguments.split(separator: " ").contains(where: { $0.hasPrefix("ip=") })
            {
                let address = host.networkManager.getGuestNetworkBootArgs(tap, interface: "eth\(index)")
                plan.bootSource.bootArgs = "\(arguments) \(address)"
            }
        }
    }

    /// Makes TAPs of this VM's own for the interfaces of a snapshot, and has its guest take other addresses than those that it was
    /// snapshotted with.
    func attachNetwork(of snapshot: Snapshot) async throws -> [NetworkOverride] {
        var overrides: [NetworkOverride] = []
        for (index, interface) in config.networkInterfaces.enumerated() where interface.hostDevName == nil {
            let tap = try await makeTap(interface, mac: nil)
            overrides.append(NetworkOverride(ifaceId: interface.ifaceId, hostDevName: tap.tapName))
            var guest = host.networkManager.guestInterface(
                for: tap, isDefaultRoute: taps.count == 1, mtu: interface.mtu)
            if let before = interface.guestMac {
                guest.newMACAddress = guest.macAddress
                guest.macAddress = before
            }
            guestInterfaces.append(guest)
            config.networkInterfaces[index].guestMac = tap.mac
        }
        return overrides
    }

    private func makeTap(_ interface: VMConfig.NetworkInterface, mac: String?) async throws -> TapDevice {
        let tap = try await host.networkManager.createTap(
            vmId: id, ifaceId: interface.ifaceId, mac: mac, mtu: interface.mtu, user: host.jailer?.uid)
        taps.append(tap)
        return tap
    }

    /// What the guest is told whenever it says hello.
    func guestConfiguration() -> @Sendable () -> Configuration {
        let interfaces = guestInterfaces
        let nameServers =
            interfaces.isEmpty ? [] : host.networkManager.nameServers.compactMap { IPAddress($0) }
        return { [identity] in
            var configuration = identity.current
            configuration.interfaces = interfaces
            configuration.nameServers = nameServers
            return configuration
        }
    }

    /// The configuration as it is now: with the addresses that were given out.
    var effectiveConfig: VMConfig {
        var config = config
        let addresses = Dictionary(zip(managedInterfaces, taps.map(\.mac))) { first, _ in first }
        for index in config.networkInterfaces.indices {
            if let mac = addresses[index] { config.networkInterfaces[index].guestMac = mac }
        }
        return config
    }

    private var managedInterfaces: [Int] {
        config.networkInterfaces.indices.filter { config.networkInterfaces[$0].hostDevName == nil }
    }

    /// Gives all TAPs back. The VMM must have ended.
    ///
    /// - Returns: A sentence for each that could not be.
    func detachNetwork() async -> [String] {
        var problems: [String] = []
        for tap in taps.reversed() {
            do {
                try await host.networkManager.removeTap(tap.tapName)
            } catch {
                problems.append("The TAP \(tap.tapName) cannot be removed: \(error)")
            }
        }
        taps = []
        guestInterfaces = []
        return problems
    }
}
