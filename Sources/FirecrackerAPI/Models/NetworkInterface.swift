/// A network device: the body of `PUT /network-interfaces/{iface_id}`.
public struct NetworkInterface: WireModel {
    /// Letters, digits and underscores.
    public var ifaceId: String
    /// The TAP on the host, at most 15 bytes.
    public var hostDevName: String
    /// `xx:xx:xx:xx:xx:xx`; kept in lower case.
    public var guestMac: String?
    /// 68 to 65535; nil: none is announced.
    public var mtu: UInt16?
    /// Towards the guest.
    public var rxRateLimiter: RateLimiter?
    /// From the guest.
    public var txRateLimiter: RateLimiter?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        ifaceId: String, hostDevName: String, guestMac: String? = nil, mtu: UInt16? = nil,
        rxRateLimiter: RateLimiter? = nil, txRateLimiter: RateLimiter? = nil
    ) {
        self.ifaceId = ifaceId
        self.hostDevName = hostDevName
        self.guestMac = guestMac
        self.mtu = mtu
        self.rxRateLimiter = rxRateLimiter
        self.txRateLimiter = txRateLimiter
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "NetworkInterfaceConfig", initial: NetworkInterface(ifaceId: "", hostDevName: ""),
        [
            .required("iface_id", \.ifaceId),
            .required("host_dev_name", \.hostDevName),
            .optional("guest_mac", \.guestMac, .macAddress),
            .optional("mtu", \.mtu),
            .optional("rx_rate_limiter", \.rxRateLimiter),
            .optional("tx_rate_limiter", \.txRateLimiter),
        ])
}

extension NetworkInterface {
    /// What can be announced to the guest, in bytes.
    public static let mtus = 68...65535

    /// Whether it has the form of a MAC address: six pairs of hexadecimal digits between colons.
    public static func isMACAddress(_ text: String) -> Bool {
        Codec<String>.macAddress.accepts(text)
    }
}

/// The body of `PATCH /network-interfaces/{iface_id}`.
public struct NetworkInterfaceUpdate: WireModel {
    /// The interface.
    public var ifaceId: String
    /// Towards the guest; only the buckets that are given change.
    public var rxRateLimiter: RateLimiter?
    /// From the guest; only the buckets that are given change.
    public var txRateLimiter: RateLimiter?

    /// Each parameter sets the property of its name, which says what it means.
    public init(ifaceId: String, rxRateLimiter: RateLimiter? = nil, txRateLimiter: RateLimiter? = nil) {
        self.ifaceId = ifaceId
        self.rxRateLimiter = rxRateLimiter
        self.txRateLimiter = txRateLimiter
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "NetworkInterfaceUpdateConfig", initial: NetworkInterfaceUpdate(ifaceId: ""),
        [
            .required("iface_id", \.ifaceId),
            .optional("rx_rate_limiter", \.rxRateLimiter),
            .optional("tx_rate_limiter", \.txRateLimiter),
        ])
}

extension Codec<String> {
    /// Six pairs of hexadecimal digits between colons, kept in lower case.
    static let macAddress = text { (text) throws(JSONFault) in
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let isValid =
            parts.count == 6
            && parts.allSatisfy { $0.count == 2 && $0.allSatisfy { Unicode.Scalar($0).properties.isASCIIHexDigit } }
        guard isValid else { throw JSONFault("The provided MAC address is invalid.") }
        return text.lowercased()
    }
}
