internal import FirecrackerClient
internal import GuestProtocol

/// An IPv4 network for guests: its first address is the gateway's, all others but the last, the broadcast address, are for guests.
struct Subnet: Hashable, Sendable {
    /// The network's own address.
    let base: UInt32
    /// 8 to 30.
    let prefixLength: Int

    /// What no guest can have as its address, and why.
    private static let reserved: [(base: UInt32, prefixLength: Int, reason: String)] = [
        (0, 8, "means this host"),
        (0x7f00_0000, 8, "is the loopback network"),
        (0xa9fe_0000, 16, "is the link-local network"),
        (0xe000_0000, 3, "is for multicast and reserved addresses"),
    ]

    /// Reads `172.30.0.0/24`. Bits of the host part are ignored, so that `172.30.0.17/24` means the same.
    ///
    /// - Throws: `INVALID_SUBNET`.
    init(_ text: String) throws(SmartVMError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])), address.isIPv4 else {
            throw Self.invalid(text, "it is not an IPv4 network such as 172.30.0.0/24")
        }
        guard (1...2).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            parts[1].utf8.count == 1 || parts[1].utf8.first != 0x30, let length = Int(parts[1]), length <= 32
        else {
            throw Self.invalid(text, "'\(parts[1])' is no prefix length")
        }
        guard (8...30).contains(length) else {
            throw Self.invalid(text, "the prefix length must be between 8 and 30, not \(length)")
        }
        base = Self.number(address) & Self.mask(length)
        prefixLength = length
        for (base, length, reason) in Self.reserved where overlaps(base: base, prefixLength: length) {
            throw Self.invalid(text, "\(Self.text(base))/\(length) \(reason)")
        }
    }

    private static func invalid(_ text: String, _ reason: String) -> SmartVMError {
        SmartVMError(
            .invalidSubnet, "'\(text)' cannot be the guests' subnet: \(reason).",
            cure: "Give a private IPv4 network that this host does not use, for example 172.30.0.0/24.")
    }

    /// The gateway: the bridge's address on the host.
    var gateway: UInt32 { base + 1 }
    /// The addresses that guests can have.
    var guestAddresses: ClosedRange<UInt32> { (base + 2)...(base | ~mask) - 1 }
    var mask: UInt32 { Self.mask(prefixLength) }
    /// `255.255.255.0`
    var maskText: String { Self.text(mask) }

    /// Whether the two networks have an address in common.
    func overlaps(base other: UInt32, prefixLength length: Int) -> Bool {
        let common = Self.mask(min(prefixLength, length))
        return base & common == other & common
    }

    static func mask(_ prefixLength: Int) -> UInt32 {
        prefixLength == 0 ? 0 : ~0 << UInt32(32 - prefixLength)
    }

    static func bytes(_ address: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address >> $0) }
    }

    /// Dotted decimal.
    static func text(_ address: UInt32) -> String {
        bytes(address).map { String($0) }.joined(separator: ".")
    }

    /// The number of an IPv4 address.
    static func number(_ address: IPAddress) -> UInt32 {
        address.bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

extension Subnet: CustomStringConvertible {
    /// `172.30.0.0/24`
    var description: String { "\(Self.text(base))/\(prefixLength)" }
}
