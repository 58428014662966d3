/// Addresses that no name of the world has honestly: they are this host's, everybody's or nobody's. A name that is given one is meant to
/// lead whoever trusts it to a service of the host, or to the credentials that clouds give out (DNS rebinding).
enum ForbiddenAddress {
    /// - Parameter address: In the host's byte order.
    static func isIPv4(_ address: UInt32) -> Bool {
        switch address >> 24 {
        // Unspecified, loopback; multicast, and what is reserved, up to the broadcast address.
        case 0, 127, 224...255: true
        // Link-local.
        case 169: address >> 16 & 0xff == 254
        default: false
        }
    }

    static func isIPv6(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        guard bytes.count == 16 else { return true }
        // Unspecified, loopback, and what stands for IPv4 addresses.
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10..<12] == [0, 0] || bytes[10..<12] == [0xff, 0xff] {
            return true
        }
        // Multicast, link-local.
        return bytes[0] == 0xff || bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80
    }
}
