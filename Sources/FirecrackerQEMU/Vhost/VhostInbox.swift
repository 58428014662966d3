internal import Linux
internal import Synchronization

/// QEMU's ioctls on the descriptors that stand for vhost devices, on their way to the thread on which those devices live.
///
/// A call waits in QEMU until it is answered, with its main lock held. So whatever happens it gets an answer: from the thread while there
/// is one, a failure once ``close()`` was called.
final class VhostInbox: Sendable {
    /// Readable when calls wait, and when there will be none any more.
    let wake: EventCounter
    private let listener: SharedDescriptor
    private let state = Mutex(State())

    private struct State {
        var calls: [SeccompNotification] = []
        var isClosed = false
    }

    /// - Parameter listener: That of QEMU's seccomp filter.
    init(_ listener: SharedDescriptor) throws(Errno) {
        wake = try EventCounter()
        self.listener = listener
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func post(_ call: SeccompNotification) {
        let isTaken = state.withLock { state in
            if !state.isClosed { state.calls.append(call) }
            return !state.isClosed
        }
        if isTaken { wake.signal() } else { fail(call) }
    }

    /// Nobody will take calls any more, or nobody will make them: those that wait fail.
    func close() {
        let calls = state.withLock { state in
            state.isClosed = true
            defer { state.calls = [] }
            return state.calls
        }
        for call in calls { fail(call) }
        wake.signal()
    }

    private func fail(_ call: SeccompNotification) {
        try? call.answer(listener.descriptor.rawValue, error: .noSuchDevice)
    }

    /// Answers the calls that wait.
    ///
    /// - Parameters:
    ///   - memory: QEMU's.
    ///   - perform: Does what is asked of one of QEMU's descriptors, and returns what is to be written back, if anything.
    func answerCalls(_ memory: ProcessMemory, _ perform: (Int32, VhostRequest) throws(Errno) -> [UInt8]?) {
        wake.drain()
        let calls = state.withLock { state in
            defer { state.calls = [] }
            return state.calls
        }
        let listener = listener.descriptor.rawValue
        for call in calls {
            let request = UInt32(truncatingIfNeeded: call.arguments.1)
            let address = UInt(call.arguments.2)
            var failure: Errno?
            do throws(Errno) {
                let payload = try Self.payload(of: request, memory, address)
                // The caller may have gone, for example because it was killed: nothing is to be answered then.
                guard call.isValid(listener) else { continue }
                guard let decoded = VhostRequest(request, payload: payload) else { throw .invalidArgument }
                if let result = try perform(call.descriptor, decoded) { try memory.write(result, at: address) }
            } catch {
                failure = error
            }
            try? call.answer(listener, error: failure)
        }
    }

    private static func payload(
        of request: UInt32, _ memory: ProcessMemory, _ address: UInt
    ) throws(Errno) -> [UInt8] {
        var payload = try memory.read(VhostRequest.payloadSize(request), at: address)
        if VhostRequest.hasRegions(request), payload.count >= 8 {
            let count = min(Int(payload.integer(at: 0, as: UInt32.self)), MemoryTable.maximumRegions)
            payload += try memory.read(count * MemoryTable.regionSize, at: address + UInt(payload.count))
        }
        return payload
    }
}
