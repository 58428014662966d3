internal import GuestProtocol
internal import Linux

extension SocketAddress {
    /// Reads `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`.
    init?(nameServer text: String) {
        var address = text[...]
        var port = "53"[...]
        if let end = text.lastIndex(of: ":"), text[..<end].hasSuffix("]") || !text[..<end].contains(":") {
            address = text[..<end]
            port = text[text.index(after: end)...]
        }
        if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
        guard let address = IPAddress(String(address)), port.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(port), port > 0
        else { return nil }
        self.init(address: address.bytes, port: port)
    }
}
