internal import GuestProtocol

/// What guests are told of their network.
extension NetworkManager {
    /// What a guest asks for names: IPv4 addresses. Empty if the host asks only itself, by an address that guests cannot reach.
    public var nameServers: [String] { settings.effectiveNameServers.map(\.description) }

    /// The part of the agent's configuration that gives an interface what ``createTap(vmId:ifaceId:mac:mtu:user:)`` has given out.
    ///
    /// - Parameters:
    ///   - isDefaultRoute: Whether the guest reaches the world by it. Default: true.
    ///   - mtu: Bytes. Default: the device's own.
    func guestInterface(
        for tap: TapDevice, isDefaultRoute: Bool = true, mtu: Int? = nil
    ) -> GuestProtocol.NetworkInterface {
        let addresses = [IPAddress(tap.guestIp)].compactMap { $0 }.map {
            GuestProtocol.NetworkInterface.Address($0, prefixLength: UInt8(settings.subnet.prefixLength))
        }
        return GuestProtocol.NetworkInterface(
            macAddress: tap.mac, addresses: addresses,
            gateways: isDefaultRoute ? [IPAddress(tap.gatewayIp)].compactMap { $0 } : [],
            mtu: mtu.map { UInt32(clamping: $0) })
    }

    /// What a guest with these interfaces is told, the first of them leading to the world.
    ///
    /// - Returns: For ``GuestProtocol/Configuration``: the interfaces, and whom to ask for names.
    func guestConfiguration(
        for taps: [TapDevice]
    ) -> (interfaces: [GuestProtocol.NetworkInterface], nameServers: [IPAddress]) {
        let interfaces = taps.enumerated().map { guestInterface(for: $1, isDefaultRoute: $0 == 0) }
        return (interfaces, taps.isEmpty ? [] : settings.effectiveNameServers)
    }
}
