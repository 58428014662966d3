internal import Glibc
internal import Linux

/// One virtqueue as QEMU's requests set it up: the ring, and the two eventfds that are shared with QEMU.
final class VhostQueue {
    var ring: VirtQueue
    /// The guest notifies of buffers here, if it does.
    private(set) var kick: Int32?
    /// The guest is interrupted here.
    private var call: Int32?
    /// What GET_VRING_BASE last answered.
    private(set) var lastBase: UInt16 = 0

    init(_ direction: VirtQueue.Direction) {
        ring = VirtQueue(direction)
    }

    deinit {
        if let kick { close(kick) }
        if let call { close(call) }
    }

    /// Interrupts the guest.
    func interrupt() {
        guard let call else { return }
        var one: UInt64 = 1
        _ = write(call, &one, 8)
    }

    /// What the guest writes makes no request fail, or QEMU would serve the queue itself: a size that is none leaves a ring that is not
    /// ready.
    func setSize(_ size: UInt32) { try? ring.setSize(size) }

    func setBase(_ base: UInt16) { ring.setBase(base) }

    /// What GET_VRING_BASE is answered: the queue's number and the place where it goes on.
    func stateBytes(number: Int) -> [UInt8] {
        lastBase = ring.base
        let state = [UInt32(number).littleEndian, UInt32(lastBase).littleEndian]
        return state.withUnsafeBytes { Array($0) }
    }

    /// - Parameter number: QEMU's number of it; nil for none.
    func setCall(_ number: Int32?, of process: ChildProcess) throws(Errno) {
        try Self.exchange(&call, number, process)
    }

    /// - Parameter number: QEMU's number of it; nil for none.
    func setKick(
        _ number: Int32?, of process: ChildProcess, in epoll: borrowing Epoll, token: UInt64
    ) throws(Errno) {
        if let kick { try? epoll.remove(kick) }
        try Self.exchange(&kick, number, process)
        if let kick { try epoll.add(kick, [.readable, .edgeTriggered], token: token) }
    }

    private static func exchange(
        _ descriptor: inout Int32?, _ number: Int32?, _ process: ChildProcess
    ) throws(Errno) {
        if let old = descriptor { close(old) }
        descriptor = nil
        if let number { descriptor = try process.duplicate(number).take() }
    }
}
