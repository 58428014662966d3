/// The metadata service: the body of `PUT /mmds/config`.
public struct MMDSConfig: WireModel {
    /// Whether the guest needs a token. ``MMDSVersion/v1`` is deprecated.
    public var version: MMDSVersion
    /// The interfaces on which it answers.
    public var networkInterfaces: [String]
    /// A link-local address. Nil: 169.254.169.254.
    public var ipv4Address: String?
    /// Whether every answer has the form of EC2's service, whatever the guest accepts.
    public var imdsCompat: Bool

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        networkInterfaces: [String], version: MMDSVersion = .v1, ipv4Address: String? = nil, imdsCompat: Bool = false
    ) {
        self.version = version
        self.networkInterfaces = networkInterfaces
        self.ipv4Address = ipv4Address
        self.imdsCompat = imdsCompat
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "MmdsConfig", initial: MMDSConfig(networkInterfaces: []),
        [
            .defaulted("version", \.version),
            .required("network_interfaces", \.networkInterfaces),
            .optional("ipv4_address", \.ipv4Address, .ipv4Address),
            .sparse("imds_compat", \.imdsCompat, default: false),
        ])
}

/// Which protocol the metadata service speaks to the guest.
public enum MMDSVersion: String, WireEnum {
    /// Requests without a token. Deprecated.
    case v1 = "V1"
    /// A token first, then requests.
    case v2 = "V2"
}

extension Codec<String> {
    /// Four decimal numbers without leading zeroes.
    static let ipv4Address = Codec(
        decode: { (reader) throws(JSONFault) in
            let text = try reader.readString(expected: "IPv4 address")
            guard IPv4Address(text) != nil else { throw reader.positioned(JSONFault("invalid IPv4 address syntax")) }
            return text
        }, encode: { $1.string($0) })
}

/// The four bytes of an IPv4 address.
struct IPv4Address {
    let bytes: [UInt8]

    init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let bytes = parts.compactMap { part -> UInt8? in
            guard part.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                part.count == 1 || part.first != UInt8(ascii: "0")
            else { return nil }
            return UInt8(String(decoding: part, as: UTF8.self))
        }
        guard parts.count == 4, bytes.count == 4 else { return nil }
        self.bytes = bytes
    }
}

extension MMDSConfig {
    /// Where a guest reaches the metadata unless told otherwise: 169.254.169.254.
    public static let defaultIPv4Address = "169.254.169.254"

    /// Whether the address is one that RFC 3927 lets a host choose: 169.254.1.0 to 169.254.254.255.
    public var isLinkLocal: Bool {
        guard let bytes = IPv4Address(ipv4Address ?? Self.defaultIPv4Address)?.bytes else { return false }
        return bytes[0] == 169 && bytes[1] == 254 && bytes[2] != 0 && bytes[2] != 255
    }
}
