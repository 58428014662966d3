internal import GuestProtocol

/// The texts of the files by which the guest's programs resolve names.
enum NameFiles {
    /// resolv.conf(5).
    static func resolver(nameServers: [IPAddress], searchDomains: [String]) -> String {
        var text = ""
        if !searchDomains.isEmpty { text += "search " + searchDomains.joined(separator: " ") + "\n" }
        for server in nameServers { text += "nameserver " + server.description + "\n" }
        return text
    }

    private static let mark = " # smartvm"

    /// hosts(5): what was there, with one line of our own for the hostname, so that it resolves without a name server.
    static func hosts(_ old: String, hostname: String) -> String {
        var lines = old.utf8.split(separator: UInt8(ascii: "\n")).map { String(Substring($0)) }
            .filter { !$0.utf8.reversed().starts(with: mark.utf8.reversed()) }
        if lines.isEmpty { lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"] }
        lines.append("127.0.1.1 " + hostname + mark)
        return lines.joined(separator: "\n") + "\n"
    }
}
