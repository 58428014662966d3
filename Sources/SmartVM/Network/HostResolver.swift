internal import GuestProtocol
internal import Linux

/// The name servers that the host asks, as far as guests can ask them too.
enum HostResolver {
    /// The second is where systemd-resolved says which ones it asks itself, while the first names its own address on the loopback
    /// interface, which no guest can reach.
    static let paths = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]

    /// IPv4 addresses, at most three; none if the host asks only itself.
    static func nameServers(paths: [String] = paths) -> [IPAddress] {
        for path in paths {
            guard let text = try? File.readText(path, limit: 64 << 10) else { continue }
            let servers = parse(text)
            if !servers.isEmpty { return servers }
        }
        return []
    }

    /// All that the host itself asks: at most three, IPv6 and loopback addresses among them. For a process on the host.
    static func ownServers(path: String = paths[0]) -> [String] {
        guard let text = try? File.readText(path, limit: 64 << 10) else { return [] }
        return servers(in: text) { _ in true }.map { "\($0)" }
    }

    /// Those of a resolv.conf(5) that are IPv4 addresses and no loopback addresses.
    static func parse(_ text: String) -> [IPAddress] {
        servers(in: text) { $0.isIPv4 && $0.bytes[0] != 127 && $0.bytes[0] != 0 }
    }

    /// The first three of a resolv.conf(5) to which this applies.
    private static func servers(in text: String, where applies: (IPAddress) -> Bool) -> [IPAddress] {
        var servers: [IPAddress] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver", let address = IPAddress(String(words[1])),
                applies(address), !servers.contains(address)
            else { continue }
            servers.append(address)
        }
        return Array(servers.prefix(3))
    }
}
