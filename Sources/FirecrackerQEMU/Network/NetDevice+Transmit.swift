internal import Glibc
internal import Linux

/// From the guest to the TAP.
extension NetDevice {
    /// Takes what the guest has sent: many frames with one copy, whose buffers it has back before they go on.
    ///
    /// Each notification costs the guest more than a frame. So it is told to be silent while there is something to take.
    func pumpTransmit(_ service: inout MetadataService, now: UInt64) throws(VirtQueue.Fault) {
        // Not without end, since QEMU may have something to ask.
        for _ in 0..<Self.rounds where !sendLimiter.isBlocked {
            if transmit.ring.waitingCount == 0 { try transmit.ring.fetch(memory, regions) }
            if transmit.ring.waitingCount == 0 {
                mustTransmit = false
                guard transmit.ring.suppressesKicks else { return }
                try transmit.ring.setSuppressesKicks(false, memory)
                try transmit.ring.refresh(memory)
                guard transmit.ring.hasMore else {
                    transmitCheck = now + Self.checkTime
                    return
                }
                mustTransmit = true
                continue
            }
            transmit.ring.suppressesKicks = true
            try takeFrames(now: now)
            for frame in frames {
                passOn(UnsafeMutableRawBufferPointer(rebasing: outbound[frame]), &service, now: now)
            }
        }
    }

    /// Copies frames here, as many as the limiter lets pass, and gives their buffers back.
    private func takeFrames(now: UInt64) throws(VirtQueue.Fault) {
        frames.removeAll(keepingCapacity: true)
        remoteSpans.removeAll(keepingCapacity: true)
        localSpans.removeAll(keepingCapacity: true)
        var end = 0
        // What is for the metadata service counts nothing, which shows only once it is here.
        let most = metadata == nil || sendLimiter.limitsNothing ? Int.max : 1
        while let chain = transmit.ring.nextChain {
            if (headerSize + EthernetFrame.headerSize...Self.maximumFrame).contains(chain.byteCount) {
                guard end + chain.byteCount <= outbound.count, frames.count < most,
                    remoteSpans.count + chain.spanCount <= Self.maximumSpans
                else { break }
                guard sendLimiter.admit(chain.byteCount - headerSize + Self.countedHeader, now: now) else {
                    counters.sendThrottles += 1
                    break
                }
                remoteSpans += transmit.ring.spans[chain.firstSpan..<(chain.firstSpan + chain.spanCount)]
                frames.append(end..<(end + chain.byteCount))
                end += chain.byteCount
            } else {
                counters.malformedFrames += 1
            }
            transmit.ring.finish(written: 0)
        }
        guard memory.fill(UnsafeMutableRawBufferPointer(rebasing: outbound[..<end]), from: remoteSpans) else {
            throw .memory
        }
        remoteSpans.removeAll(keepingCapacity: true)
        try transmit.ring.commit(memory, local: &localSpans, remote: &remoteSpans)
        try transmit.ring.refresh(memory)
        if transmit.ring.wantsInterrupt { transmit.interrupt() }
    }

    /// - Parameter bytes: A frame behind its header.
    private func passOn(
        _ bytes: UnsafeMutableRawBufferPointer, _ service: inout MetadataService, now: UInt64
    ) {
        let frame = UnsafeRawBufferPointer(rebasing: bytes[headerSize...])
        counters.sentFrames += 1
        counters.sentBytes += UInt64(frame.count)
        if metadata?.claims(frame) == true {
            // What does not leave this machine is not counted.
            sendLimiter.giveBack(frame.count + Self.countedHeader)
            metadata?.receive(Array(frame), service: &service, now: now)
            mustReceive = true
            return
        }
        if let macAddress, !frame[6..<12].elementsEqual(macAddress) { counters.spoofedFrames += 1 }
        if write(tap.descriptor.rawValue, bytes.baseAddress, bytes.count) < 0 { counters.tapWriteFailures += 1 }
    }
}
