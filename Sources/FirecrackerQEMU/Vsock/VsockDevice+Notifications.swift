internal import Glibc
internal import Linux

/// QEMU's ioctls.
extension VsockDevice {
    /// Answers what QEMU waits for.
    func answerCalls() {
        configuration.inbox.answerCalls(memory) { (_, request) throws(Errno) in try perform(request) }
    }

    /// Does what is asked for. What is to be written back, if anything.
    private func perform(_ request: VhostRequest) throws(Errno) -> [UInt8]? {
        switch request {
        case .getFeatures:
            return withUnsafeBytes(of: VhostRequest.commonFeatures.littleEndian) { Array($0) }
        case .setFeatures, .setOwner, .accepted:
            return nil
        case .setMemoryTable(let table):
            regions = table
            // Chains that were taken hold addresses of the table before.
            receive.forget()
            transmit.forget()
        case .setRingSize(let queue, let size):
            try configureRing(queue) { (ring) throws(VirtQueue.Fault) in try ring.setSize(size) }
        case .setRingAddresses(let queue, let addresses):
            try configureRing(queue) { (ring) throws(VirtQueue.Fault) in ring.setAddresses(addresses) }
        case .setRingBase(let queue, let base):
            // A machine that was paused goes on where it stopped. Another place means that the driver began anew, and knows of no
            // connection.
            if base != lastBases[queue] { closeAll() }
            isBroken = false
            try configureRing(queue) { (ring) throws(VirtQueue.Fault) in ring.setBase(base) }
        case .getRingBase(let queue):
            let base = queue == 0 ? receive.base : transmit.base
            lastBases[queue] = base
            let state = [UInt32(queue).littleEndian, UInt32(base).littleEndian]
            return state.withUnsafeBytes { Array($0) }
        case .setKick(let queue, let number):
            let token = queue == 0 ? Token.receiveKick : .transmitKick
            if let old = kicks[queue] { try? epoll.remove(old) }
            try replace(&kicks[queue], number)
            if let kick = kicks[queue] { try epoll.add(kick, [.readable, .edgeTriggered], token: token.rawValue) }
        case .setCall(let queue, let number):
            try replace(&calls[queue], number)
        case .setGuestCID(let cid):
            guestCID = cid
        case .setRunning(let running):
            startOrStop(running)
        case .setBackend, .unsupported:
            throw .notATerminal
        }
        return nil
    }

    private func configureRing(
        _ queue: Int, _ body: (inout VirtQueue) throws(VirtQueue.Fault) -> Void
    ) throws(Errno) {
        do throws(VirtQueue.Fault) {
            if queue == 0 { try body(&receive) } else { try body(&transmit) }
        } catch {
            throw .invalidArgument
        }
    }

    private func replace(_ descriptor: inout Int32?, _ number: Int32?) throws(Errno) {
        if let old = descriptor { Glibc.close(old) }
        descriptor = nil
        if let number { descriptor = try configuration.process.duplicate(number).take() }
    }

    private func startOrStop(_ running: Bool) {
        guard running != isRunning else { return }
        isRunning = running
        if running {
            renewDeadlines()
            // What came in meanwhile has made no sound.
            mustTransmit = true
            for endpoint in endpoints.values { enqueue(endpoint) }
        } else {
            receive.forget()
            transmit.forget()
        }
        listenForClients(running)
    }
}
