internal import Glibc
internal import Linux

/// From the TAP to the guest.
extension NetDevice {
    /// Why no more frames go into a copy.
    private enum Pause {
        /// It is as large as it may be.
        case full
        /// There are no more frames.
        case drained
        /// The limiter refuses the one that is held.
        case limited
        /// The guest has too few buffers for the one that is held.
        case noBuffers
    }

    /// Fills the guest's buffers: many frames with one copy.
    func pumpReceive(now: UInt64) throws(VirtQueue.Fault) {
        let lackedBuffers = lacksBuffers
        lacksBuffers = false
        // Not without end, since QEMU may have something to ask.
        for _ in 0..<Self.rounds {
            if receive.ring.waitingCount < Self.fewBuffers { try receive.ring.fetch(memory, regions) }
            receive.ring.suppressesKicks = true
            switch try passFrames(now: now) {
            case .full: continue
            case .limited: return
            case .drained:
                mustReceive = false
                return
            case .noBuffers:
                let before = receive.ring.waitingCount
                try receive.ring.setSuppressesKicks(false, memory)
                try receive.ring.fetch(memory, regions)
                guard receive.ring.waitingCount == before else { continue }
                // With all its buffers the guest has no room for such a frame.
                if before == receive.ring.size, held != nil {
                    held = nil
                    counters.receiveFailures += 1
                    continue
                }
                mustReceive = false
                lacksBuffers = true
                if !lackedBuffers { receiveCheck = now + Self.checkTime }
                return
            }
        }
    }

    /// So few that more are looked for, to fill many with one copy.
    private static let fewBuffers = 64

    /// Makes one copy.
    private func passFrames(now: UInt64) throws(VirtQueue.Fault) -> Pause {
        localSpans.removeAll(keepingCapacity: true)
        remoteSpans.removeAll(keepingCapacity: true)
        var start = 0
        var pause: Pause?
        while pause == nil {
            guard receive.ring.waitingCount > 0 else {
                pause = .noBuffers
                break
            }
            if held == nil {
                guard start + Self.maximumFrame <= inbound.count else {
                    pause = .full
                    break
                }
                held = fetchFrame(at: start, now: now)
            }
            guard let size = held else {
                pause = .drained
                break
            }
            pause = place(size, at: start, now: now)
            if pause == nil {
                held = nil
                start += (size + 15) & ~15
            }
        }
        if !localSpans.isEmpty {
            try receive.ring.commit(memory, local: &localSpans, remote: &remoteSpans)
            try receive.ring.refresh(memory)
            if receive.ring.wantsInterrupt { receive.interrupt() }
        }
        if let held, start > 0, let base = inbound.baseAddress { memmove(base, base + start, held) }
        return pause ?? .full
    }

    /// Puts the next frame, behind a header, where the copy will find it: its size, or nil if there is none.
    private func fetchFrame(at start: Int, now: UInt64) -> Int? {
        if let frame = metadata?.nextFrame(now: now) {
            for index in start..<(start + headerSize) { inbound[index] = 0 }
            let place = start + headerSize
            UnsafeMutableRawBufferPointer(rebasing: inbound[place..<(place + frame.count)]).copyBytes(from: frame)
            return headerSize + frame.count
        }
        while isTapReadable, !isTapGone, let base = inbound.baseAddress {
            let count = read(tap.descriptor.rawValue, base + start, Self.maximumFrame)
            if count > headerSize { return count }
            if count > 0 { continue }
            let error = Errno.current
            if count < 0, error == .interrupted { continue }
            isTapReadable = false
            if count == 0 || error != .wouldBlock {
                counters.tapReadFailures += 1
                isTapGone = true
            }
        }
        return nil
    }

    /// Puts a frame into the guest's next buffers. Nil if it is there.
    private func place(_ size: Int, at start: Int, now: UInt64) -> Pause? {
        let waiting = receive.ring.chains[receive.ring.firstChain...]
        var chains = 0
        var spans = 0
        var room = 0
        for chain in waiting {
            chains += 1
            spans += chain.spanCount
            room += chain.byteCount
            if room >= size || !mergesBuffers { break }
        }
        guard room >= size else {
            guard !mergesBuffers else { return .noBuffers }
            // The next buffer will not be larger.
            counters.receiveFailures += 1
            return nil
        }
        // Of no frame are there so many pieces but in buffers that are made to have them: dropped, as one that fits nowhere.
        guard spans <= Self.maximumSpans else {
            counters.receiveFailures += 1
            return nil
        }
        guard remoteSpans.count + spans <= Self.maximumSpans, localSpans.count < Self.maximumSpans else { return .full }
        guard receiveLimiter.admit(size - headerSize + Self.countedHeader, now: now) else {
            counters.receiveThrottles += 1
            return .limited
        }
        counters.receivedFrames += 1
        counters.receivedBytes += UInt64(size - headerSize)
        if headerSize == Self.modernHeader {
            inbound.storeBytes(of: UInt16(chains).littleEndian, toByteOffset: start + headerSize - 2, as: UInt16.self)
        }
        localSpans.append(MemorySpan(address: UInt(bitPattern: inbound.baseAddress) + UInt(start), count: size))
        var left = size
        for _ in 0..<chains {
            guard let chain = receive.ring.nextChain else { break }
            let written = min(left, chain.byteCount)
            var part = written
            for span in receive.ring.spans[chain.firstSpan..<(chain.firstSpan + chain.spanCount)] where part > 0 {
                let count = min(part, span.count)
                remoteSpans.append(MemorySpan(address: span.address, count: count))
                part -= count
            }
            left -= written
            receive.ring.finish(written: written)
        }
        return nil
    }
}
