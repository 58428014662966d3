internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// One interface's path between QEMU and its TAP, for an interface that has the metadata service or a rate limiter.
///
/// Theory of operation. QEMU's end of a Unix socket carries frames, each behind its length in four bytes; the TAP carries them one at a
/// time, each behind a header of ten that is zero, because nothing is left for the other side to compute. The two heads overlap in place
/// behind the frame before them, so that a frame is never copied here, and many of them go through the socket in one call. What is for
/// the metadata service leaves towards it, and its answers go before what waits in the TAP.
///
/// Whoever does not take makes the other wait: while frames for the guest wait here the TAP is not read, and while the limiter refuses the
/// guest's next frame the socket is not read, so that QEMU leaves the guest's queue alone. Nothing is dropped here but what the TAP does
/// not take. One thread calls all of this, and none of it waits.
final class FrameRelay {
    struct Configuration: Sendable {
        /// A TAP queue, attached with IFF_NO_PI and IFF_VNET_HDR; non-blocking.
        var tap: SharedDescriptor
        /// The end of a stream socket whose other end QEMU has; non-blocking.
        var guest: SharedDescriptor
        /// The guest's hardware address, if it is known.
        var macAddress: String?
        /// Where the metadata service answers, if it does.
        var metadataAddress: String?
        /// Towards the guest.
        var receiveLimiter: RateLimiter?
        /// From the guest.
        var sendLimiter: RateLimiter?
    }

    /// The largest frame that QEMU's stream carries.
    static let maximumFrame = 68 << 10
    private static let lengthSize = 4
    private static let tapHeaderSize = TapDevice.headerSize
    /// What Firecracker's limiters count beside a frame: the header of virtio.
    private static let countedHeader = 12
    private static let capacity = 256 << 10
    /// What goes through in one turn and direction before others have theirs.
    private static let batch = 64 << 10

    private let configuration: Configuration
    private var sendLimiter: FrameLimiter
    private var receiveLimiter: FrameLimiter
    private var metadata: MetadataStack?
    private let macAddress: [UInt8]?
    private(set) var counters = FrameCounters()
    /// QEMU has ended, or sent what it does not send.
    private(set) var isClosed = false

    /// The TAP device was removed: nothing will come from it any more.
    private(set) var isTapGone = false

    /// From the guest: whole frames and the beginning of one. There is always room for a TAP's header before the first.
    private var inbound: Buffer
    /// For the guest.
    private var outbound: Buffer
    /// The length of the frame behind the end of `outbound` that the limiter has refused.
    private var refused: Int?

    private struct Buffer {
        /// The first place that is used: what stands before it is room for a TAP's header.
        static let origin = 16

        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: FrameRelay.capacity, alignment: 64)
        var start = Buffer.origin
        var end = Buffer.origin

        var isEmpty: Bool { start == end }
        var room: Int { memory.count - end }

        /// Makes all room that there is be behind the end.
        mutating func compact() {
            guard start > Self.origin else { return }
            if !isEmpty, let base = memory.baseAddress { memmove(base + Self.origin, base + start, end - start) }
            end -= start - Self.origin
            start = Self.origin
        }

        func bytes(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: memory[offset..<(offset + count)])
        }
    }

    init(_ configuration: Configuration, now: UInt64) {
        self.configuration = configuration
        sendLimiter = FrameLimiter(configuration.sendLimiter, now: now)
        receiveLimiter = FrameLimiter(configuration.receiveLimiter, now: now)
        metadata = configuration.metadataAddress.flatMap { IPv4(text: $0) }.map { MetadataStack(address: $0) }
        macAddress = configuration.macAddress.map { text in
            text.utf8.split(separator: UInt8(ascii: ":")).compactMap { UInt8(String(Substring($0)), radix: 16) }
        }
        inbound = Buffer()
        outbound = Buffer()
    }

    deinit {
        inbound.memory.deallocate()
        outbound.memory.deallocate()
    }

    var guest: Int32 { configuration.guest.descriptor.rawValue }
    var tap: Int32 { configuration.tap.descriptor.rawValue }

    /// What to wait for at the socket.
    var guestInterest: Epoll.Events {
        var events: Epoll.Events = sendLimiter.isBlocked ? [] : .readable
        if !outbound.isEmpty { events.insert(.writable) }
        return events
    }

    /// What to wait for at the TAP.
    var tapInterest: Epoll.Events { outbound.isEmpty && refused == nil ? .readable : [] }

    /// When ``turn(service:now:)`` is to be called even if nothing has come.
    var deadline: UInt64? {
        let receive = refused == nil ? nil : receiveLimiter.blockedUntil
        // While the guest takes nothing, sending again would be of no use.
        let answers = outbound.isEmpty && refused == nil ? metadata?.deadline : nil
        return [sendLimiter.blockedUntil, receive, answers].compactMap { $0 }.min()
    }

    func updateLimiters(receive: RateLimiter?, send: RateLimiter?, now: UInt64) {
        if let receive { receiveLimiter.update(receive, now: now) }
        if let send { sendLimiter.update(send, now: now) }
    }

    /// QEMU's end of the socket is closed.
    func close() { isClosed = true }

    /// What has been counted since the last call.
    func takeCounters() -> (frames: FrameCounters, metadata: MetadataCounters) {
        defer { counters = FrameCounters() }
        return (counters, metadata?.takeCounters() ?? MetadataCounters())
    }

    /// Moves what can be moved, both ways.
    ///
    /// - Parameter now: Nanoseconds of the monotonic clock.
    func turn(service: inout MetadataService, now: UInt64) {
        guard !isClosed else { return }
        sendLimiter.expire(now: now)
        receiveLimiter.expire(now: now)
        takeFromGuest(&service, now: now)
        giveToGuest(now: now)
    }
}

// MARK: From the guest

extension FrameRelay {
    private func takeFromGuest(_ service: inout MetadataService, now: UInt64) {
        var moved = 0
        repeat {
            guard !sendLimiter.isBlocked else { return }
            forwardFrames(&service, now: now)
            guard !sendLimiter.isBlocked, !isClosed else { return }
            inbound.compact()
            let room = inbound.bytes(inbound.end, inbound.room)
            let count = recv(guest, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
            if count <= 0 {
                let error = Errno.current
                isClosed = count == 0 || error != .wouldBlock && error != .interrupted
                return
            }
            inbound.end += count
            moved += count
            forwardFrames(&service, now: now)
        } while moved < Self.batch
    }

    /// Sends on the whole frames that are there.
    private func forwardFrames(_ service: inout MetadataService, now: UInt64) {
        while inbound.end - inbound.start >= Self.lengthSize {
            let length = Int(
                UInt32(bigEndian: inbound.memory.loadUnaligned(fromByteOffset: inbound.start, as: UInt32.self)))
            guard length <= Self.maximumFrame else {
                isClosed = true
                return
            }
            guard inbound.end - inbound.start >= Self.lengthSize + length else { return }
            let frame = inbound.bytes(inbound.start + Self.lengthSize, length)
            guard sendLimiter.admit(length + Self.countedHeader, now: now) else {
                counters.sendThrottles += 1
                return
            }
            counters.sentFrames += 1
            counters.sentBytes += UInt64(length)
            if metadata?.claims(UnsafeRawBufferPointer(frame)) == true {
                // What does not leave this machine is not counted.
                sendLimiter.giveBack(length + Self.countedHeader)
                metadata?.receive(Array(frame), service: &service, now: now)
            } else {
                sendToTap(frame, headerAt: inbound.start + Self.lengthSize - Self.tapHeaderSize)
            }
            inbound.start += Self.lengthSize + length
        }
    }

    private func sendToTap(_ frame: UnsafeMutableRawBufferPointer, headerAt start: Int) {
        guard frame.count >= EthernetFrame.headerSize else {
            counters.malformedFrames += 1
            return
        }
        if let macAddress, !frame[6..<12].elementsEqual(macAddress) { counters.spoofedFrames += 1 }
        // Over the frame before, which is gone, and this one's length.
        let whole = inbound.bytes(start, Self.tapHeaderSize + frame.count)
        for index in 0..<Self.tapHeaderSize { whole[index] = 0 }
        if write(tap, whole.baseAddress, whole.count) < 0 { counters.tapWriteFailures += 1 }
    }
}

// MARK: For the guest

extension FrameRelay {
    private func giveToGuest(now: UInt64) {
        var moved = 0
        while moved < Self.batch, !isClosed {
            if outbound.isEmpty { fillOutbound(now: now) }
            guard !outbound.isEmpty else { return }
            let bytes = outbound.bytes(outbound.start, outbound.end - outbound.start)
            let count = send(guest, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            if count < 0 {
                let error = Errno.current
                isClosed = error != .wouldBlock && error != .interrupted
                return
            }
            outbound.start += count
            moved += count
            guard outbound.isEmpty else { return }
        }
    }

    /// Fills the empty buffer with frames, as long as there are any and the limiter lets them pass.
    private func fillOutbound(now: UInt64) {
        guard refused == nil || !receiveLimiter.isBlocked else { return }
        moveRefusedFrame()
        while outbound.end < Self.batch {
            if refused == nil {
                if let frame = metadata?.nextFrame(now: now) {
                    outbound.bytes(outbound.end + Self.lengthSize, frame.count).copyBytes(from: frame)
                    refused = frame.count
                } else if !isTapGone {
                    refused = receiveFromTap()
                }
            }
            guard let length = refused else { return }
            guard receiveLimiter.admit(length + Self.countedHeader, now: now) else {
                counters.receiveThrottles += 1
                return
            }
            refused = nil
            outbound.memory.storeBytes(of: UInt32(length).bigEndian, toByteOffset: outbound.end, as: UInt32.self)
            outbound.end += Self.lengthSize + length
            counters.receivedFrames += 1
            counters.receivedBytes += UInt64(length)
        }
    }

    /// Puts the buffer's end back to its beginning, and the frame that stands behind it too.
    private func moveRefusedFrame() {
        let end = outbound.end
        outbound.start = Buffer.origin
        outbound.end = Buffer.origin
        if let refused, end > Buffer.origin, let base = outbound.memory.baseAddress {
            memmove(base + Buffer.origin + Self.lengthSize, base + end + Self.lengthSize, refused)
        }
    }

    /// Puts the TAP's next frame where the next one goes: its length, or nil if there is none.
    private func receiveFromTap() -> Int? {
        // The TAP's header would stand over the end of the frame before.
        let start = outbound.end + Self.lengthSize - Self.tapHeaderSize
        let place = outbound.bytes(start, Self.tapHeaderSize + Self.maximumFrame)
        let kept = (
            place.loadUnaligned(as: UInt32.self), place.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
        )
        let count = read(tap, place.baseAddress, place.count)
        let error = Errno.current
        place.storeBytes(of: kept.0, as: UInt32.self)
        place.storeBytes(of: kept.1, toByteOffset: 4, as: UInt16.self)
        guard count > Self.tapHeaderSize else {
            if count < 0, error != .wouldBlock, error != .interrupted {
                counters.tapReadFailures += 1
                isTapGone = true
            }
            return nil
        }
        return count - Self.tapHeaderSize
    }
}
