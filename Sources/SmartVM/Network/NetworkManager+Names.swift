internal import Crypto

/// What follows from names alone.
extension NetworkManager {
    /// The MAC address of a VM's interface: locally administered, and always the same for the same two names.
    public func generateMac(_ vmId: String, _ ifaceId: String) -> String {
        Self.mac(vmId, ifaceId, attempt: 0).description
    }

    /// The name of a VM's TAP: `sv`, the beginning of the VM's name, and what tells it from others; at most 15 characters.
    public func generateTapName(_ vmId: String, _ ifaceId: String) -> String {
        Self.tapName(vmId, ifaceId, attempt: 0)
    }

    /// The argument with which a kernel that was built with `CONFIG_IP_PNP` configures the interface by itself.
    ///
    /// - Parameters:
    ///   - tap: The host's end, as ``createTap(vmId:ifaceId:mac:mtu:user:)`` gave it.
    ///   - interface: The guest's name for it. Default: `eth0`.
    public func getGuestNetworkBootArgs(_ tap: TapDevice, interface: String = "eth0") -> String {
        "ip=\(tap.guestIp)::\(tap.gatewayIp):\(tap.subnetMask)::\(interface):off"
    }

    /// - Parameter attempt: Another number gives another address, for when somebody has the first.
    static func mac(_ vmId: String, _ ifaceId: String, attempt: Int) -> MACAddress {
        MACAddress(seed: digest("mac", vmId, ifaceId, attempt))
    }

    /// - Parameter attempt: Another number gives another name, for when somebody has the first.
    static func tapName(_ vmId: String, _ ifaceId: String, attempt: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        let beginning = vmId.lowercased().utf8.filter {
            alphabet.contains($0) || $0 == 0x30 || $0 == 0x31 || $0 > 0x37 && $0 < 0x3a
        }
        // 40 bits tell the names of VMs with the same beginning from each other.
        let unique = digest("tap", vmId, ifaceId, attempt).prefix(8).map { alphabet[Int($0 & 31)] }
        return "sv" + String(decoding: beginning.prefix(5) + unique, as: UTF8.self)
    }

    private static func digest(_ use: String, _ vmId: String, _ ifaceId: String, _ attempt: Int) -> [UInt8] {
        // No name holds a NUL, so that no two pairs of names are joined to the same text.
        Array(SHA256.hash(data: Array("\(use)\0\(vmId)\0\(ifaceId)\0\(attempt)".utf8)))
    }
}
