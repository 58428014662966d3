internal import Linux

/// From the guest to the host.
extension VsockDevice {
    /// Takes what the guest has sent: many packets with one copy, whose buffers it has back before their bytes go on.
    func pumpTransmit() throws(VirtQueue.Fault) {
        var packets: [Range<Int>] = []
        // Not without end, since QEMU may have something to ask.
        for _ in 0..<16 {
            if muxer.hasTooManyReplies { return }
            if transmit.waitingCount == 0 { try transmit.fetch(memory, regions) }
            if transmit.waitingCount == 0 { break }
            packets.removeAll(keepingCapacity: true)
            try takePackets(&packets)
            for packet in packets {
                handlePacket(UnsafeRawBufferPointer(rebasing: staging[packet]))
            }
            if transmit.waitingCount > 0 { continue }
            try transmit.refresh(memory)
            if quietChains >= transmit.size / 4 || quietBytes >= Self.quietLimit { reportTransmitted() }
            if !transmit.hasMore { break }
        }
        mustTransmit = transmit.waitingCount > 0 || transmit.isReady && transmit.hasMore
    }

    /// The guest's memory that may wait for an interrupt to be free again.
    private static let quietLimit = 1 << 20

    /// Copies packets here and gives their buffers back.
    private func takePackets(_ packets: inout [Range<Int>]) throws(VirtQueue.Fault) {
        remoteSpans.removeAll(keepingCapacity: true)
        localSpans.removeAll(keepingCapacity: true)
        var end = 0
        while let chain = transmit.nextChain {
            // The driver's packets are 64 KiB and their header at most; what cannot be one is given back unread.
            if chain.byteCount >= VsockHeader.size, chain.byteCount <= staging.count {
                guard end + chain.byteCount <= staging.count else { break }
                remoteSpans += transmit.spans[chain.firstSpan..<(chain.firstSpan + chain.spanCount)]
                packets.append(end..<(end + chain.byteCount))
                end += chain.byteCount
            }
            transmit.finish(written: 0)
            quietChains += 1
        }
        guard memory.fill(UnsafeMutableRawBufferPointer(rebasing: staging[..<end]), from: remoteSpans) else {
            throw .memory
        }
        quietBytes += end
        remoteSpans.removeAll(keepingCapacity: true)
        try transmit.commit(memory, local: &localSpans, remote: &remoteSpans)
    }

    /// Interrupts the guest for buffers that it has back.
    ///
    /// The driver needs them only when the ring is full; an interrupt for each packet would cost it, and QEMU, more than the packet.
    func reportTransmitted() {
        if quietChains > 0, transmit.wantsInterrupt { call(1) }
        quietChains = 0
        quietBytes = 0
    }

    private func handlePacket(_ bytes: UnsafeRawBufferPointer) {
        counters.count(.sentPackets)
        guard let header = VsockHeader(bytes), Int(header.length) <= bytes.count - VsockHeader.size else { return }
        switch muxer.route(header) {
        case .drop: if isAnswer(header) { openDoor() }
        case .refuse: muxer.refuse(header, guestCID: guestCID)
        case .open: open(header)
        case .connection(let number):
            guard let endpoint = endpoints[number] else { return }
            let payload = UnsafeRawBufferPointer(rebasing: bytes[VsockHeader.size...].prefix(Int(header.length)))
            handle(header, payload, endpoint)
        }
    }

    private func handle(_ header: VsockHeader, _ payload: UnsafeRawBufferPointer, _ endpoint: VsockEndpoint) {
        guard let reaction = endpoint.connection?.receive(header) else { return }
        switch reaction {
        case .nothing: break
        case .credit: enqueue(endpoint)
        case .close: close(endpoint)
        case .violation: resetAndClose(endpoint)
        case .deliver:
            do throws(Errno) {
                counters.count(.sentBytes, by: payload.count)
                try send(payload, to: endpoint)
                enqueue(endpoint)
            } catch {
                counters.count(.writeFailures)
                resetAndClose(endpoint)
            }
        case .accepted:
            guard let port = endpoint.ports?.host else { return }
            var line = "OK \(port)\n"
            let taken = line.withUTF8 { bytes in (try? endpoint.send(UnsafeRawBufferPointer(bytes))) ?? 0 }
            if taken == line.utf8.count { enqueue(endpoint) } else { resetAndClose(endpoint) }
        case .finish:
            if let ports = endpoint.ports {
                muxer.remove(ports)
                muxer.reset(ports, guestCID: guestCID)
            }
            if !endpoint.hasLeftover { close(endpoint) }
        }
    }
}
