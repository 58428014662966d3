public import FirecrackerClient
internal import GuestProtocol

/// A port of the host that leads to one of a guest: `[IP:]HOST:GUEST[/udp]`, as docker and podman write it.
///
///     try PublishedPort("8080:80")             // 127.0.0.1 of the host alone
///     try PublishedPort("0.0.0.0:8080:80")     // all of the host's IPv4 addresses
public struct PublishedPort: Hashable, Sendable {
    /// The two protocols that have ports.
    public enum Transport: String, Hashable, Sendable, Codable, CaseIterable {
        /// Connections.
        case tcp
        /// Datagrams.
        case udp
    }

    /// An IPv4 or IPv6 address of the host. Default: `127.0.0.1`, which nobody reaches from outside.
    public var hostAddress: String
    /// 0: one that is free, drawn at each start. Default: 0.
    public var hostPort: Int
    /// From 1 to 65535.
    public var guestPort: Int
    /// Default: TCP.
    public var transport: Transport

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        hostAddress: String = "127.0.0.1", hostPort: Int = 0, guestPort: Int, transport: Transport = .tcp
    ) {
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.guestPort = guestPort
        self.transport = transport
    }
}

extension PublishedPort: CustomStringConvertible {
    /// Reads `[IP:]HOST:GUEST[/tcp|/udp]`, or `GUEST` alone; HOST may be empty or 0, an IPv6 address is in brackets.
    ///
    /// - Throws: `INVALID_CONFIG`, which says what is wrong.
    public init(_ text: String) throws(SmartVMError) {
        var rest = text[...]
        var transport = Transport.tcp
        if let slash = rest.lastIndex(of: "/") {
            guard let named = Transport(rawValue: String(rest[rest.index(after: slash)...])) else {
                throw Self.invalid(text, "after the slash there is neither tcp nor udp")
            }
            transport = named
            rest = rest[..<slash]
        }
        var address = "127.0.0.1"
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]"), rest[rest.index(after: end)...].first == ":" else {
                throw Self.invalid(text, "the bracket around an IPv6 address is not closed, or no port follows")
            }
            address = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(end, offsetBy: 2)...]
        }
        var parts = rest.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 3, rest.startIndex == text.startIndex { address = parts.removeFirst() }
        guard (1...2).contains(parts.count) else {
            throw Self.invalid(
                text,
                parts.count > 3
                    ? "it has too many colons; an IPv6 address must be in brackets" : "it has too many parts")
        }
        guard IPAddress(address) != nil else { throw Self.invalid(text, "'\(address)' is no IP address of this host") }
        guard !parts.contains(where: { $0.contains("-") }) else {
            throw Self.invalid(text, "ranges of ports are not published at once; give the option once for each port")
        }
        let host = parts.count == 2 ? parts[0] : ""
        guard let hostPort = host.isEmpty ? 0 : Int(decimal: host, in: 0...65535) else {
            throw Self.invalid(text, "'\(host)' is no port of the host (1 to 65535, or 0 for a free one)")
        }
        guard let guestPort = Int(decimal: parts[parts.count - 1], in: 1...65535) else {
            throw Self.invalid(text, "'\(parts[parts.count - 1])' is no port of the guest (1 to 65535)")
        }
        self.init(hostAddress: address, hostPort: hostPort, guestPort: guestPort, transport: transport)
    }

    /// As ``init(_:)`` reads it.
    public var description: String { "\(hostText):\(guestPort)/\(transport.rawValue)" }

    /// Address and port, as in `127.0.0.1:8080` and `[::1]:8080`.
    public var hostText: String {
        (hostAddress.contains(":") ? "[\(hostAddress)]" : hostAddress) + ":\(hostPort)"
    }

    private static func invalid(_ text: String, _ reason: String) -> SmartVMError {
        SmartVMError(
            .invalidConfiguration, "The port '\(text)' cannot be published: \(reason).",
            cure: "Write [IP:]HOST:GUEST[/udp], for example 8080:80 or 0.0.0.0:5353:53/udp.")
    }
}

extension PublishedPort: Codable {
    /// Reads what ``encode(to:)`` writes.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the text that ``init(_:)`` reads.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(description)
    }
}
