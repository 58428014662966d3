@testable import FirecrackerQEMU

/// A guest that talks to a ``MetadataStack`` in frames, and checks all that comes back.
struct MetadataClient {
    static let hardwareAddress: [UInt8] = [2, 0, 0, 0, 0, 7]
    static let address = IPv4(text: "172.31.99.2") ?? 0
    static let serviceAddress = IPv4(text: "169.254.169.254") ?? 0

    var stack = MetadataStack(address: MetadataClient.serviceAddress)
    var service: MetadataService
    var now: UInt64 = 0

    init(_ service: MetadataService) {
        self.service = service
    }

    static func frame(_ segment: TCPSegment, from source: IPv4 = address, to target: IPv4 = serviceAddress) -> [UInt8] {
        let packet = IPv4Packet(
            from: source, to: target, IPv4Packet.tcp, segment.bytes(from: source, to: target))
        return EthernetFrame(
            to: MetadataStack.hardwareAddress, from: hardwareAddress, .ipv4, packet.encoded
        ).encoded
    }

    static func claims(_ stack: MetadataStack, _ frame: [UInt8]) -> Bool {
        frame.withUnsafeBytes { stack.claims($0) }
    }

    mutating func send(_ frame: [UInt8]) {
        stack.receive(frame, service: &service, now: now)
    }

    mutating func send(_ segment: TCPSegment, from source: IPv4 = address) {
        send(Self.frame(segment, from: source))
    }

    /// All frames that are for the guest now.
    mutating func frames() -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while frames.count < 10_000, let frame = stack.nextFrame(now: now) { frames.append(frame) }
        return frames
    }

    /// All segments that are for the guest now; nil for a frame that is not as it should be.
    mutating func segments() -> [TCPSegment?] {
        frames().map { Self.segment(in: $0) }
    }

    /// The segment of a frame whose addresses, lengths and checksums are right.
    static func segment(in bytes: [UInt8]) -> TCPSegment? {
        guard let frame = EthernetFrame(bytes), frame.type == .ipv4, frame.destination == hardwareAddress,
            frame.source == MetadataStack.hardwareAddress, let packet = IPv4Packet(frame.payload),
            packet.source == serviceAddress, packet.proto == IPv4Packet.tcp,
            frame.payload.count == IPv4Packet.headerSize + packet.payload.count
        else { return nil }
        var header = InternetChecksum()
        header.add(frame.payload.prefix(IPv4Packet.headerSize))
        var pseudoHeader: [UInt8] = []
        pseudoHeader.append(bigEndian: packet.source)
        pseudoHeader.append(bigEndian: packet.destination)
        pseudoHeader += [0, IPv4Packet.tcp]
        pseudoHeader.append(bigEndian: UInt16(packet.payload.count))
        var whole = InternetChecksum()
        whole.add(pseudoHeader)
        whole.add(packet.payload)
        return header.value == 0 && whole.value == 0 ? TCPSegment(packet.payload) : nil
    }
}

/// The guest's side of one connection, as simple as can be.
struct MetadataConnection {
    let port: UInt16
    var next: UInt32
    var expected: UInt32 = 0
    var window: UInt16 = 65535

    func segment(_ flags: TCPSegment.Flags, _ payload: [UInt8] = []) -> TCPSegment {
        TCPSegment(
            from: port, to: 80, sequence: next, acknowledged: expected, flags: flags, window: window,
            payload: payload[...])
    }

    /// Opens a connection; nil if the server does not do as it should.
    init?(_ client: inout MetadataClient, port: UInt16 = 40000, maximumSize: UInt16? = 1460, window: UInt16 = 65535) {
        self.port = port
        self.window = window
        next = 0xffff_fff0
        client.send(
            TCPSegment(
                from: port, to: 80, sequence: next, flags: [.syn], window: window, maximumSize: maximumSize))
        next &+= 1
        guard case let answers = client.segments(), answers.count == 1, let answer = answers[0],
            answer.flags == [.syn, .acknowledgment], answer.acknowledged == next, answer.destinationPort == port,
            answer.window == 2500
        else { return nil }
        expected = answer.sequence &+ 1
        client.send(segment([.acknowledgment]))
        guard client.frames().isEmpty else { return nil }
    }

    /// Sends bytes and takes in what comes back, acknowledging it, until nothing more comes.
    mutating func exchange(_ client: inout MetadataClient, _ text: String) -> String {
        client.send(segment([.acknowledgment, .push], Array(text.utf8)))
        next &+= UInt32(text.utf8.count)
        return receive(&client)
    }

    mutating func receive(_ client: inout MetadataClient) -> String {
        var received: [UInt8] = []
        while true {
            var progress = false
            for case let answer? in client.segments() where answer.destinationPort == port {
                guard answer.sequence == expected, answer.length > 0 else { continue }
                received += answer.payload
                expected &+= answer.length
                progress = true
            }
            guard progress else { return String(decoding: received, as: UTF8.self) }
            client.send(segment([.acknowledgment]))
        }
    }
}
