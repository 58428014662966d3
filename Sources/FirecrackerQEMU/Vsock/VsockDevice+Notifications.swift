internal import Glibc
internal import Linux

/// QEMU's ioctls.
extension VsockDevice {
    /// What the device can do: the bits of Virtio and of linux/vhost.h.
    private static let features: UInt64 =
        1 << 32  // VIRTIO_F_VERSION_1
        | 1 << 28  // VIRTIO_RING_F_INDIRECT_DESC
        | 1 << 26  // VHOST_F_LOG_ALL, without which QEMU would not save the machine

    /// Answers one system call of QEMU.
    func answerNotification() {
        let listener = configuration.notifications
        // The caller may have gone, for example because it was killed: nothing is to be answered then.
        guard let notification = try? SeccompNotification.receive(from: listener) else { return }
        let request = UInt32(truncatingIfNeeded: notification.arguments.1)
        let address = UInt(notification.arguments.2)
        var failure: Errno?
        do throws(Errno) {
            let payload = try readPayload(request, address)
            guard notification.isValid(listener) else { return }
            guard let decoded = VhostRequest(request, payload: payload) else { throw .invalidArgument }
            if let result = try perform(decoded) { try memory.write(result, at: address) }
        } catch {
            failure = error
        }
        try? notification.answer(listener, error: failure)
    }

    private func readPayload(_ request: UInt32, _ address: UInt) throws(Errno) -> [UInt8] {
        var payload = try memory.read(VhostRequest.payloadSize(request), at: address)
        if VhostRequest.hasRegions(request), payload.count >= 8 {
            let count = min(Int(payload.integer(at: 0, as: UInt32.self)), MemoryTable.maximumRegions)
            payload += try memory.read(count * MemoryTable.regionSize, at: address + UInt(payload.count))
        }
        return payload
    }

    /// Does what is asked for. What is to be written back, if anything.
    private func perform(_ request: VhostRequest) throws(Errno) -> [UInt8]? {
        switch request {
        case .getFeatures:
            return withUnsafeBytes(of: Self.features.littleEndian) { Array($0) }
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
        case .unsupported:
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
