/// A frame of Ethernet, as far as it is looked at here.
struct EthernetFrame {
    static let headerSize = 14

    /// Six bytes.
    var destination: [UInt8]
    var source: [UInt8]
    var type: Kind
    var payload: ArraySlice<UInt8>

    enum Kind: UInt16 {
        case ipv4 = 0x0800
        case arp = 0x0806
    }

    /// Nil if the frame is too short or carries something else.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headerSize, let type = Kind(rawValue: bytes[...].integer(12, as: UInt16.self)) else {
            return nil
        }
        destination = Array(bytes[..<6])
        source = Array(bytes[6..<12])
        self.type = type
        payload = bytes[Self.headerSize...]
    }

    init(to destination: [UInt8], from source: [UInt8], _ type: Kind, _ payload: [UInt8]) {
        self.destination = destination
        self.source = source
        self.type = type
        self.payload = payload[...]
    }

    var encoded: [UInt8] {
        var bytes = destination + source
        bytes.append(bigEndian: type.rawValue)
        return bytes + payload
    }
}

/// A question or an answer of ARP for IPv4 over Ethernet (RFC 826).
struct ARPMessage {
    enum Operation: UInt16 {
        case request = 1
        case reply = 2
    }

    static let size = 28
    /// Ethernet, IPv4, and the lengths of their addresses.
    private static let kind: [UInt8] = [0, 1, 8, 0, 6, 4]

    var operation: Operation
    var senderMAC: [UInt8]
    var sender: IPv4
    var targetMAC: [UInt8]
    var target: IPv4

    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.size, bytes.prefix(6).elementsEqual(Self.kind),
            let operation = Operation(rawValue: bytes.integer(6, as: UInt16.self))
        else { return nil }
        let start = bytes.startIndex
        self.operation = operation
        senderMAC = Array(bytes[(start + 8)..<(start + 14)])
        sender = bytes.integer(14, as: UInt32.self)
        targetMAC = Array(bytes[(start + 18)..<(start + 24)])
        target = bytes.integer(24, as: UInt32.self)
    }

    init(_ operation: Operation, from senderMAC: [UInt8], _ sender: IPv4, to targetMAC: [UInt8], _ target: IPv4) {
        self.operation = operation
        self.senderMAC = senderMAC
        self.sender = sender
        self.targetMAC = targetMAC
        self.target = target
    }

    var encoded: [UInt8] {
        var bytes = Self.kind
        bytes.append(bigEndian: operation.rawValue)
        bytes += senderMAC
        bytes.append(bigEndian: sender)
        bytes += targetMAC
        bytes.append(bigEndian: target)
        return bytes
    }
}
