internal import Linux

/// From the host to the guest.
extension VsockDevice {
    /// Fills the guest's buffers: many packets with one copy. Each connection in the line has its turn.
    func pumpReceive() throws(VirtQueue.Fault) {
        mustReceive = false
        var rounds = 0
        while muxer.hasSomethingForGuest {
            // Not without end, since QEMU may have something to ask.
            rounds += 1
            guard rounds <= 16 else {
                mustReceive = true
                return
            }
            if receive.waitingCount < Self.fewBuffers { try receive.fetch(memory, regions) }
            // As long as there are buffers the guest need not notify of more.
            if receive.waitingCount == 0, receive.suppressesKicks {
                try receive.setSuppressesKicks(false, memory)
                try receive.fetch(memory, regions)
            }
            guard receive.waitingCount > 0 else { return }
            receive.suppressesKicks = true
            var batch = Batch()
            localSpans.removeAll(keepingCapacity: true)
            remoteSpans.removeAll(keepingCapacity: true)
            try fill(&batch)
            guard batch.packets > 0 else { return }
            counters.count(.receivedPackets, by: batch.packets)
            counters.count(.receivedBytes, by: batch.stagedBytes)
            try receive.commit(memory, local: &localSpans, remote: &remoteSpans)
            try receive.refresh(memory)
            if receive.wantsInterrupt { call(0) }
        }
    }

    /// So few that more are looked for, to fill many with one copy.
    private static let fewBuffers = 64

    /// How far the buffers of one commit are filled.
    private struct Batch {
        var packets = 0
        var stagedBytes = 0
    }

    private func fill(_ batch: inout Batch) throws(VirtQueue.Fault) {
        while receive.waitingCount > 0, batch.packets < Self.maximumPackets {
            if let reply = muxer.takeReply() {
                try place(reply, nil, &batch)
                continue
            }
            guard let number = muxer.dequeue() else { return }
            guard let endpoint = endpoints[number] else { continue }
            endpoint.isQueued = false
            if let header = endpoint.connection?.nextControl(guestCID: guestCID) {
                try place(header, nil, &batch)
                if header.operation == VsockHeader.Operation.shutdown.rawValue { setDeadline(endpoint) }
            } else {
                guard batch.stagedBytes < staging.count else {
                    enqueue(endpoint)
                    return
                }
                try read(endpoint, &batch)
            }
            enqueue(endpoint)
        }
    }

    /// Reads a connection's socket once, as far as the guest has credit and buffers for it.
    private func read(_ endpoint: VsockEndpoint, _ batch: inout Batch) throws(VirtQueue.Fault) {
        guard let connection = endpoint.connection, endpoint.isReadable, connection.mayCarryData else { return }
        guard let chain = receive.nextChain, chain.byteCount > VsockHeader.size else { throw .chainLength }
        var limit = min(connection.credit, staging.count - batch.stagedBytes)
        if muxer.isContended { limit = min(limit, 64 << 10) }
        limit = min(limit, room(inChains: Self.maximumPackets - batch.packets, upTo: limit))
        guard limit > 0 else { return }
        let start = batch.stagedBytes
        do throws(Errno) {
            let buffer = UnsafeMutableRawBufferPointer(rebasing: staging[start..<(start + limit)])
            guard let count = try endpoint.receive(into: buffer) else { return }
            batch.stagedBytes += count
            // A stream gives less than was asked for only if there is no more; but the end has made its only sound by now.
            if count < limit, !endpoint.hasHungUp { endpoint.isReadable = false }
            if count == 0 {
                endpoint.isReadable = false
                endpoint.connection?.hostClosed()
                return
            }
        } catch {
            counters.count(.readFailures)
            resetAndClose(endpoint)
            return
        }
        var place = start
        while place < batch.stagedBytes, let chain = receive.nextChain {
            let length = min(batch.stagedBytes - place, chain.byteCount - VsockHeader.size)
            guard let header = endpoint.connection?.dataHeader(length, guestCID: guestCID) else { return }
            try self.place(
                header, UnsafeRawBufferPointer(rebasing: staging[place..<(place + length)]), &batch)
            place += length
        }
        if endpoint.connection?.credit == 0 { endpoint.connection?.askForCredit() }
    }

    private func room(inChains count: Int, upTo limit: Int) -> Int {
        var room = 0
        for chain in receive.chains[receive.firstChain...].prefix(count) {
            guard chain.byteCount > VsockHeader.size else { break }
            room += chain.byteCount - VsockHeader.size
            if room >= limit { break }
        }
        return room
    }

    /// Puts a packet into the guest's next buffer.
    private func place(
        _ header: VsockHeader, _ payload: UnsafeRawBufferPointer?, _ batch: inout Batch
    ) throws(VirtQueue.Fault) {
        let length = VsockHeader.size + (payload?.count ?? 0)
        guard let chain = receive.nextChain, chain.byteCount >= length else { throw .chainLength }
        let slot = UnsafeMutableRawBufferPointer(
            rebasing: headers[(batch.packets * VsockHeader.size)..<((batch.packets + 1) * VsockHeader.size)])
        header.encode(into: slot)
        localSpans.append(MemorySpan(address: UInt(bitPattern: slot.baseAddress), count: slot.count))
        if let payload {
            localSpans.append(MemorySpan(address: UInt(bitPattern: payload.baseAddress), count: payload.count))
        }
        var left = length
        for span in receive.spans[chain.firstSpan..<(chain.firstSpan + chain.spanCount)] where left > 0 {
            let count = min(left, span.count)
            remoteSpans.append(MemorySpan(address: span.address, count: count))
            left -= count
        }
        batch.packets += 1
        receive.finish(written: length)
    }
}
