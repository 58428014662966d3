internal import Linux

/// QEMU's requests.
extension NetDevice {
    /// Does what is asked for. What is to be written back, if anything.
    ///
    /// - Parameters:
    ///   - epoll: Where the guest's notifications are waited for.
    ///   - tokens: Of the two queues, there.
    func perform(
        _ request: VhostRequest, of process: ChildProcess, epoll: borrowing Epoll, tokens: (UInt64, UInt64)
    ) throws(Errno) -> [UInt8]? {
        switch request {
        case .getFeatures:
            return withUnsafeBytes(of: Self.features.littleEndian) { Array($0) }
        case .setFeatures(let features):
            mergesBuffers = features & 1 << 15 != 0
            // A driver of before Virtio 1 has a shorter one, unless it merges buffers; QEMU has told the TAP.
            headerSize = mergesBuffers || features & 1 << 32 != 0 ? Self.modernHeader : Self.modernHeader - 2
        case .setOwner, .accepted:
            break
        case .setMemoryTable(let table):
            regions = table
            // Chains that were taken hold addresses of the table before.
            receive.ring.forget()
            transmit.ring.forget()
        case .setRingSize(let number, let size):
            queue(number).setSize(size)
        case .setRingAddresses(let number, let addresses):
            queue(number).ring.setAddresses(addresses)
        case .setRingBase(let number, let base):
            trust()
            queue(number).setBase(base)
        case .getRingBase(let number):
            return queue(number).stateBytes(number: number)
        case .setKick(let number, let descriptor):
            try queue(number).setKick(
                descriptor, of: process, in: epoll, token: number == 0 ? tokens.0 : tokens.1)
        case .setCall(let number, let descriptor):
            try queue(number).setCall(descriptor, of: process)
        case .setBackend(let number, let isGiven):
            beginOrEnd(number, isGiven)
        case .setGuestCID, .setRunning, .unsupported:
            throw .notATerminal
        }
        return nil
    }

    private func queue(_ number: Int) -> VhostQueue { number == 0 ? receive : transmit }

    /// A queue begins or ends.
    private func beginOrEnd(_ number: Int, _ isGiven: Bool) {
        if !isGiven { queue(number).ring.forget() }
        // What came in meanwhile has made no sound.
        if number == 0 {
            receives = isGiven
            mustReceive = true
            isTapReadable = true
        } else {
            transmits = isGiven
            mustTransmit = true
        }
    }
}
