/// The metadata service as a host on the network of one interface: frames in, frames out.
///
/// Theory of operation. Of all that a guest sends, ``claims(_:)`` picks what is for the service's address: questions of ARP for it, and
/// packets of IPv4 to it. The former are answered with Firecracker's hardware address; of the latter the segments to port 80 go to a
/// ``TCPServer``, which hands requests to the ``MetadataService``, and all else is dropped. No state is kept for what is no connection.
struct MetadataStack {
    /// The one that Firecracker answers with.
    static let hardwareAddress: [UInt8] = [0x06, 0x01, 0x23, 0x45, 0x67, 0x01]

    private let address: IPv4
    private var server = TCPServer(port: 80)
    /// That of the guest, from its last frame.
    private var guest = MetadataStack.hardwareAddress
    /// Who has asked for the service's hardware address.
    private var question: IPv4?
    private(set) var counters = MetadataCounters()

    init(address: IPv4) {
        self.address = address
    }

    /// When ``nextFrame(now:)`` is to be asked even if nothing has come, in nanoseconds.
    var deadline: UInt64? { server.deadline }

    /// Whether a frame is for the service. It is called for each frame that a guest sends, and looks at a few bytes only.
    func claims(_ frame: UnsafeRawBufferPointer) -> Bool {
        let kind = EthernetFrame.headerSize - 2
        guard frame.count > kind + 1, frame[kind] == 0x08 else { return false }
        let place: Int
        switch frame[kind + 1] {
        case 0x00: place = EthernetFrame.headerSize + 16
        case 0x06:
            place = EthernetFrame.headerSize + 24
            // Only questions: other hosts' answers are for other hosts.
            guard frame.count >= place + 4, frame[EthernetFrame.headerSize + 7] == 1 else { return false }
        default: return false
        }
        guard frame.count >= place + 4 else { return false }
        return IPv4(bigEndian: frame.loadUnaligned(fromByteOffset: place, as: IPv4.self)) == address
    }

    /// Takes a frame that is for the service.
    ///
    /// - Parameter now: Nanoseconds of a clock that never goes back.
    mutating func receive(_ bytes: [UInt8], service: inout MetadataService, now: UInt64) {
        counters.acceptedFrames += 1
        guard let frame = EthernetFrame(bytes) else {
            counters.badFrames += 1
            return
        }
        switch frame.type {
        case .arp:
            guard let message = ARPMessage(frame.payload), message.operation == .request, message.target == address
            else { return }
            guest = message.senderMAC
            question = message.sender
        case .ipv4:
            guard let packet = IPv4Packet(frame.payload), packet.destination == address else {
                counters.acceptedWithError += 1
                return
            }
            guard packet.proto == IPv4Packet.tcp else {
                counters.acceptedUnusual += 1
                return
            }
            guard let segment = TCPSegment(packet.payload) else {
                counters.acceptedWithError += 1
                return
            }
            guest = frame.source
            server.receive(
                segment, from: packet.source, firstSequence: .random(in: .min ... .max), now: now, counters: &counters
            ) {
                service.answer($0, now: now).encoded
            }
        }
    }

    /// What has been counted since the last call.
    mutating func takeCounters() -> MetadataCounters {
        defer { counters = MetadataCounters() }
        return counters
    }

    /// The next frame for the guest, or nil if there is none for now.
    mutating func nextFrame(now: UInt64) -> [UInt8]? {
        let frame: EthernetFrame
        if let asker = question {
            question = nil
            let reply = ARPMessage(.reply, from: Self.hardwareAddress, address, to: guest, asker)
            frame = EthernetFrame(to: guest, from: Self.hardwareAddress, .arp, reply.encoded)
        } else if let (peer, segment) = server.nextSegment(now: now, counters: &counters) {
            let packet = IPv4Packet(
                from: address, to: peer, IPv4Packet.tcp, segment.bytes(from: address, to: peer))
            frame = EthernetFrame(to: guest, from: Self.hardwareAddress, .ipv4, packet.encoded)
        } else {
            return nil
        }
        let bytes = frame.encoded
        counters.sentFrames += 1
        counters.sentBytes += UInt64(bytes.count)
        return bytes
    }
}
