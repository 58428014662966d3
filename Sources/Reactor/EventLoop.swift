package import Linux

/// Something that waits for descriptors or for time to pass.
package protocol EventHandler: AnyObject {
    /// - Parameters:
    ///   - events: What happened; empty if it is a timer.
    ///   - source: What the handler registered, by its own numbering.
    func handle(_ events: Epoll.Events, source: UInt8)
}

/// A program's one loop: descriptors that became ready, and timers, each handed to its handler, one after the other, on one thread.
///
/// Nothing else in the guest's agent, and in the supervisor of a VM, waits. Swift's own concurrency would cost a guest that is emulated more time at start than all
/// of its other work, and a single thread needs no locks.
package final class EventLoop {
    /// What a handler holds while it waits for a descriptor.
    package struct Registration {
        fileprivate var token: UInt64
        fileprivate var descriptor: Int32
    }

    private struct Slot {
        var handler: (any EventHandler)?
        var source: UInt8 = 0
        /// Tells a registration from one that had the slot before.
        var generation: UInt32 = 0
    }

    private struct Timer {
        var deadline: UInt64
        var number: UInt64
        var handler: any EventHandler
        var source: UInt8
    }

    /// Room for whoever is handled now: what is in it is forgotten afterwards, unless the handler takes the buffer.
    package private(set) var buffer: UnsafeMutableRawBufferPointer
    private var spareBuffers: [UnsafeMutableRawBufferPointer] = []
    /// More than so many are given back to the system.
    private static let maximumSpareBuffers = 4

    private let epoll: Epoll
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var timers: [Timer] = []
    private var nextTimer: UInt64 = 0
    private var running = true

    package init(bufferSize: Int) throws(Errno) {
        epoll = try Epoll()
        buffer = .allocate(byteCount: bufferSize, alignment: 4096)
    }

    deinit {
        buffer.deallocate()
        for spare in spareBuffers { spare.deallocate() }
    }

    /// The buffer with what is in it becomes the caller's, who gives it back when it is done.
    package func takeBuffer() -> UnsafeMutableRawBufferPointer {
        defer { buffer = spareBuffers.popLast() ?? .allocate(byteCount: buffer.count, alignment: 4096) }
        return buffer
    }

    package func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
        if spareBuffers.count < Self.maximumSpareBuffers {
            spareBuffers.append(buffer)
        } else {
            buffer.deallocate()
        }
    }

    /// Waits for events on a descriptor (level-triggered) until ``remove(_:)``, and keeps the handler alive until then.
    package func add(
        _ descriptor: Int32, _ events: Epoll.Events, handler: any EventHandler, source: UInt8
    ) throws(Errno) -> Registration {
        let index = freeSlots.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        let token = UInt64(slots[index].generation) << 32 | UInt64(index)
        do throws(Errno) {
            try epoll.add(descriptor, events, token: token)
        } catch {
            freeSlots.append(index)
            throw error
        }
        slots[index].handler = handler
        slots[index].source = source
        return Registration(token: token, descriptor: descriptor)
    }

    /// Waits for other events from now on.
    package func modify(_ registration: Registration, _ events: Epoll.Events) {
        try? epoll.modify(registration.descriptor, events, token: registration.token)
    }

    /// Waits no more. Comes before the descriptor is closed.
    package func remove(_ registration: Registration) {
        let index = Int(registration.token & 0xffff_ffff)
        guard slots[index].generation == UInt32(registration.token >> 32) else { return }
        try? epoll.remove(registration.descriptor)
        slots[index].handler = nil
        slots[index].generation &+= 1
        freeSlots.append(index)
    }

    /// Calls the handler once, after so many milliseconds; never if they are more than the clock counts, some 580 years.
    ///
    /// - Returns: A number to ``cancel(timer:)`` it by.
    @discardableResult
    package func schedule(milliseconds: Int, handler: any EventHandler, source: UInt8) -> UInt64 {
        nextTimer += 1
        let deadline = Clock.deadline(afterMilliseconds: UInt64(clamping: milliseconds))
        timers.append(Timer(deadline: deadline, number: nextTimer, handler: handler, source: source))
        return nextTimer
    }

    package func cancel(timer: UInt64) {
        timers.removeAll { $0.number == timer }
    }

    /// Serves until ``stop()``, which may have been called before.
    package func run() throws(Errno) {
        defer { running = true }
        while running {
            fireTimers()
            if !running { return }
            try epoll.wait(timeout: timeout()) { event in
                let slot = slots[Int(event.token & 0xffff_ffff)]
                // A handler before this one may have removed it.
                if slot.generation == UInt32(event.token >> 32), let handler = slot.handler {
                    handler.handle(event.events, source: slot.source)
                }
            }
        }
    }

    /// Ends ``run()`` when the present handlers are done.
    package func stop() {
        running = false
    }

    /// Milliseconds until the next timer, rounded up; -1 if there is none.
    private func timeout() -> Int32 {
        var first = UInt64.max
        for timer in timers where timer.deadline < first { first = timer.deadline }
        if first == .max { return -1 }
        let now = Clock.monotonicNanoseconds
        return first <= now ? 0 : Int32(clamping: (first - now - 1) / 1_000_000 + 1)
    }

    private func fireTimers() {
        if timers.isEmpty { return }
        let now = Clock.monotonicNanoseconds
        while let index = timers.firstIndex(where: { $0.deadline <= now }) {
            let timer = timers.remove(at: index)
            timer.handler.handle([], source: timer.source)
        }
    }
}
