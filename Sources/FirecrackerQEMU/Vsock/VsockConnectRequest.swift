/// The line `CONNECT <port>\n` with which a client of the host asks for a port of the guest.
///
/// Firecracker wants all of it in one write; here it may come in pieces.
struct VsockConnectRequest {
    enum Outcome: Hashable {
        case incomplete
        case port(UInt32)
        case malformed
    }

    /// The longest line, with its end.
    static let maximumLength = 32

    private var line: [UInt8] = []

    /// How many bytes may be looked at next.
    var room: Int { Self.maximumLength - line.count }

    /// Takes bytes of which only the last may be the line's end.
    mutating func append(_ bytes: some Collection<UInt8>) -> Outcome {
        line += bytes
        guard line.last == UInt8(ascii: "\n") else { return room > 0 ? .incomplete : .malformed }
        let words = line.split(whereSeparator: { $0 == 0x20 || (0x09...0x0d).contains($0) })
        guard words.count == 2, String(decoding: words[0], as: UTF8.self).lowercased() == "connect",
            let port = UInt32(String(decoding: words[1], as: UTF8.self))
        else { return .malformed }
        return .port(port)
    }
}
