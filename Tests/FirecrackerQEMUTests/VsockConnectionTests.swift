import Testing

@testable import FirecrackerQEMU

@Suite("Connections of the socket device")
struct VsockConnectionTests {
    private func packet(
        _ operation: VsockHeader.Operation, length: UInt32 = 0, flags: UInt32 = 0, bufferSize: UInt32 = 1000,
        forwarded: UInt32 = 0
    ) -> VsockHeader {
        var header = VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: 52, destinationPort: 1 << 30, operation: operation)
        header.length = length
        header.flags = flags
        header.bufferSize = bufferSize
        header.forwarded = forwarded
        return header
    }

    private func established(capacity: UInt32 = 400) -> VsockConnection {
        var connection = VsockConnection(hostPort: 1 << 30, guestPort: 52, capacity: capacity)
        _ = connection.nextControl(guestCID: 3)
        _ = connection.receive(packet(.response))
        return connection
    }

    @Test("that the host asks for are requested and accepted")
    func request() {
        var connection = VsockConnection(hostPort: 1 << 30, guestPort: 52, capacity: 400)
        let request = connection.nextControl(guestCID: 3)
        #expect(request?.operation == VsockHeader.Operation.request.rawValue)
        #expect(request?.sourceCID == 2 && request?.destinationCID == 3)
        #expect(request?.sourcePort == 1 << 30 && request?.destinationPort == 52)
        #expect(request?.bufferSize == 400)
        #expect(connection.nextControl(guestCID: 3) == nil && !connection.mayCarryData)
        #expect(connection.receive(packet(.response)) == .accepted)
        #expect(connection.mayCarryData && connection.credit == 1000)
        #expect(connection.receive(packet(.response)) == .violation)
    }

    @Test("that the guest asks for are answered before anything else")
    func accept() {
        var connection = VsockConnection(accepting: packet(.request), capacity: 400)
        #expect(!connection.mayCarryData)
        let response = connection.nextControl(guestCID: 3)
        #expect(response?.operation == VsockHeader.Operation.response.rawValue)
        #expect(response?.sourcePort == 1 << 30 && response?.destinationPort == 52)
        #expect(connection.mayCarryData)
    }

    @Test("have the credit that the guest's counters say, also when they wrap and when they lie")
    func credit() {
        var connection = established()
        #expect(connection.dataHeader(600, guestCID: 3).length == 600)
        #expect(connection.credit == 400)
        _ = connection.receive(packet(.creditUpdate, forwarded: 600))
        #expect(connection.credit == 1000)
        _ = connection.receive(packet(.creditUpdate, forwarded: 601))
        #expect(connection.credit == 0)
        _ = connection.receive(packet(.creditUpdate, bufferSize: 10, forwarded: 0))
        #expect(connection.credit == 0)
        var sent: UInt32 = 600
        for _ in 0..<20 {
            _ = connection.receive(packet(.creditUpdate, bufferSize: 1 << 30, forwarded: sent))
            #expect(connection.credit == 1 << 30)
            sent &+= connection.dataHeader(1 << 30, guestCID: 3).length
            #expect(connection.credit == 0)
        }
    }

    @Test("ask once for credit that has run out")
    func askForCredit() {
        var connection = established()
        _ = connection.dataHeader(1000, guestCID: 3)
        connection.askForCredit()
        #expect(connection.nextControl(guestCID: 3)?.operation == VsockHeader.Operation.creditRequest.rawValue)
        connection.askForCredit()
        #expect(connection.nextControl(guestCID: 3) == nil)
    }

    @Test("hold no more of the guest's bytes than they promised, and report what has left at half of it")
    func receive() {
        var connection = established()
        #expect(connection.receive(packet(.data, length: 400)) == .deliver)
        var copy = connection
        #expect(copy.receive(packet(.data, length: 1)) == .violation)
        connection.forward(199)
        #expect(connection.nextControl(guestCID: 3) == nil)
        connection.forward(1)
        let update = connection.nextControl(guestCID: 3)
        #expect(update?.operation == VsockHeader.Operation.creditUpdate.rawValue && update?.forwarded == 200)
        #expect(connection.receive(packet(.data, length: 200)) == .deliver)
        #expect(connection.receive(packet(.data, length: 1)) == .violation)
    }

    @Test("report at half of the guest's own buffer if that is the smaller one, which bounds what it sends")
    func smallGuestBuffer() {
        var connection = established(capacity: 1 << 20)
        _ = connection.receive(packet(.data, length: 64, bufferSize: 128))
        connection.forward(64)
        #expect(connection.nextControl(guestCID: 3)?.forwarded == 64)
    }

    @Test("any packet reports, so that none is sent for that alone")
    func piggyback() {
        var connection = established()
        _ = connection.receive(packet(.data, length: 300))
        connection.forward(300)
        #expect(connection.dataHeader(1, guestCID: 3).forwarded == 300)
        #expect(connection.nextControl(guestCID: 3) == nil)
        #expect(connection.receive(packet(.creditRequest)) == .credit)
        #expect(connection.nextControl(guestCID: 3)?.forwarded == 300)
    }

    @Test("end for the guest in both directions when the host's side ends")
    func hostClosed() {
        var connection = established()
        connection.hostClosed()
        let shutdown = connection.nextControl(guestCID: 3)
        #expect(shutdown?.operation == VsockHeader.Operation.shutdown.rawValue && shutdown?.flags == 3)
        #expect(!connection.mayCarryData)
        #expect(connection.receive(packet(.data, length: 10)) == .nothing)
        #expect(connection.receive(packet(.reset)) == .close)
    }

    @Test("end for the host when the guest has shut both directions, at once or one by one")
    func guestClosed() {
        var connection = established()
        #expect(connection.receive(packet(.shutdown, flags: 2)) == .nothing)
        #expect(connection.mayCarryData)
        #expect(connection.receive(packet(.data, length: 10)) == .nothing)
        #expect(connection.receive(packet(.shutdown, flags: 1)) == .finish)
        #expect(connection.phase == .guestClosed && connection.nextControl(guestCID: 3) == nil)
        var other = established()
        #expect(other.receive(packet(.shutdown, flags: 1)) == .nothing)
        #expect(!other.mayCarryData)
        #expect(other.receive(packet(.data, length: 10)) == .deliver)
        var third = established()
        #expect(third.receive(packet(.shutdown, flags: 3)) == .finish)
        var both = established()
        both.hostClosed()
        #expect(both.receive(packet(.shutdown, flags: 3)) == .finish)
    }

    @Test("are reset by what makes no sense")
    func violations() {
        var connection = established()
        var unknown = packet(.data)
        unknown.operation = 77
        #expect(connection.receive(unknown) == .violation)
        var requested = VsockConnection(hostPort: 1, guestPort: 2, capacity: 3)
        #expect(requested.receive(packet(.data, length: 1)) == .violation)
        #expect(requested.receive(packet(.reset)) == .close)
    }
}

@Suite("Packets of the socket device")
struct VsockHeaderTests {
    @Test("have Linux's layout")
    func layout() throws {
        var header = VsockHeader(
            sourceCID: 0x0102_0304_0506_0708, destinationCID: 2, sourcePort: 0x1112_1314, destinationPort: 0x2122_2324,
            operation: .shutdown)
        header.length = 0x3132_3334
        header.flags = 3
        header.bufferSize = 0x4142_4344
        header.forwarded = 0x5152_5354
        var bytes = [UInt8](repeating: 0xff, count: 44)
        bytes.withUnsafeMutableBytes { header.encode(into: $0) }
        #expect(
            bytes == [
                8, 7, 6, 5, 4, 3, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21,
                0x34, 0x33, 0x32, 0x31, 1, 0, 4, 0, 3, 0, 0, 0, 0x44, 0x43, 0x42, 0x41, 0x54, 0x53, 0x52, 0x51,
            ])
        #expect(bytes.withUnsafeBytes { VsockHeader($0) } == header)
        #expect(bytes.withUnsafeBytes { VsockHeader(UnsafeRawBufferPointer(rebasing: $0[..<43])) } == nil)
    }
}

@Suite("The table of connections")
struct VsockMuxerTests {
    private func packet(_ operation: VsockHeader.Operation, host: UInt32 = 5, guest: UInt32 = 6) -> VsockHeader {
        VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: guest, destinationPort: host, operation: operation)
    }

    @Test("routes by ports, opens for requests, refuses the rest but resets")
    func route() {
        var muxer = VsockMuxer()
        muxer.add(77, VsockMuxer.Ports(host: 5, guest: 6))
        #expect(muxer.route(packet(.data)) == .connection(77))
        #expect(muxer.route(packet(.request)) == .connection(77))
        #expect(muxer.route(packet(.request, guest: 7)) == .open)
        #expect(muxer.route(packet(.data, guest: 7)) == .refuse)
        #expect(muxer.route(packet(.reset, guest: 7)) == .drop)
        var other = packet(.request, guest: 7)
        other.destinationCID = 4
        #expect(muxer.route(other) == .drop)
        other = packet(.data)
        other.type = 2
        #expect(muxer.route(other) == .refuse)
        other.operation = VsockHeader.Operation.reset.rawValue
        #expect(muxer.route(other) == .drop)
    }

    @Test("answers a refused packet with a reset of its ports and type")
    func refuse() {
        var muxer = VsockMuxer()
        var header = packet(.data)
        header.type = 2
        muxer.refuse(header, guestCID: 3)
        let reply = muxer.takeReply()
        #expect(reply?.operation == VsockHeader.Operation.reset.rawValue && reply?.type == 2)
        #expect(reply?.sourcePort == 5 && reply?.destinationPort == 6 && reply?.destinationCID == 3)
        #expect(muxer.takeReply() == nil)
    }

    @Test("counts the host's ports from 2^30 and passes over those in use")
    func ports() {
        var muxer = VsockMuxer()
        #expect(muxer.takeHostPort(forGuestPort: 52) == 1 << 30)
        muxer.add(1, VsockMuxer.Ports(host: 1 << 30 + 1, guest: 52))
        #expect(muxer.takeHostPort(forGuestPort: 52) == 1 << 30 + 2)
    }

    @Test("keeps the line of those that wait in order")
    func line() {
        var muxer = VsockMuxer()
        for number in UInt64(1)...3000 { muxer.enqueue(number) }
        for number in UInt64(1)...3000 { #expect(muxer.dequeue() == number) }
        #expect(muxer.dequeue() == nil && !muxer.hasSomethingForGuest)
    }
}

@Suite("The line of a host's client")
struct VsockConnectRequestTests {
    private func outcome(_ pieces: String...) -> VsockConnectRequest.Outcome {
        var request = VsockConnectRequest()
        var outcome = VsockConnectRequest.Outcome.incomplete
        for piece in pieces { outcome = request.append(Array(piece.utf8)) }
        return outcome
    }

    @Test("names a port, in any case and with any white space, at once or in pieces")
    func accepts() {
        #expect(outcome("CONNECT 52\n") == .port(52))
        #expect(outcome("connect\t4294967295 \r\n") == .port(.max))
        #expect(outcome("CON", "NECT 5", "2", "\n") == .port(52))
        #expect(outcome("CONNECT 52") == .incomplete)
    }

    @Test(
        "is refused otherwise",
        arguments: [
            "\n", "CONNECT\n", "CONNECT x\n", "CONNECT -1\n", "CONNECT 4294967296\n", "CONNECT 1 2\n", "CONNEXT 1\n",
            "CONNECT 000000000000000000000001", "\u{0}\u{1}\u{2}\n",
        ])
    func refuses(_ line: String) {
        #expect(outcome(line) == .malformed)
    }
}
