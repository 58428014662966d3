internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// A network device: what QEMU takes for the kernel's vhost-net is this object.
///
/// Theory of operation. QEMU negotiates with the guest and sets the TAP's offloads accordingly, but leaves both queues to whoever is behind
/// the descriptor of /dev/vhost-net, which is this object, by way of ``VhostDispatcher``. The TAP gives and takes what stands in the
/// guest's buffers: a frame, or with offloads up to 64 KiB that will be one or many, behind a header of virtio that says what is left to
/// compute. So nothing is computed here. Frames of one queue go through a staging area, many with one copy from or to the
/// guest's memory; what is for the metadata service leaves towards it, and its answers go before what waits in the TAP.
///
/// Whoever does not take makes the other wait: without buffers of the guest, or while its limiter refuses, the TAP is not read, and while
/// the limiter refuses the guest's next frame its buffers are not taken. Nothing is dropped here but what the TAP does not take and what
/// cannot ever fit into the guest's buffers. One thread calls all of this (``NetworkThread``), and none of it waits.
///
/// What the guest does makes none of QEMU's requests fail: QEMU would then serve the queues itself, past the limiters.
final class NetDevice {
    struct Configuration: Sendable {
        /// A TAP queue, attached with IFF_NO_PI and IFF_VNET_HDR; non-blocking.
        var tap: SharedDescriptor
        /// The guest's hardware address, if it is known.
        var macAddress: String?
        /// Where the metadata service answers, if it does.
        var metadataAddress: String?
        /// Towards the guest.
        var receiveLimiter: RateLimiter?
        /// From the guest.
        var sendLimiter: RateLimiter?
        /// What is left in their buckets.
        var levels = NetworkLevels()
    }

    /// What it can do: bits of Virtio.
    static let features =
        VhostRequest.commonFeatures
        | 1 << 15  // VIRTIO_NET_F_MRG_RXBUF
        | 1 << 3  // VIRTIO_NET_F_MTU, without which QEMU would not show the guest one

    /// The header before each frame, of a driver of Virtio 1.
    static let modernHeader = 12
    /// The most that a TAP gives or takes at a time, with its header: a packet of IP, its frame, and a tag.
    static let maximumFrame = 65_535 + 18 + modernHeader
    /// What Firecracker's limiters count beside a frame.
    static let countedHeader = 12
    /// Where frames of one copy stand.
    static let stagingSize = 256 << 10
    /// As many stretches of memory as go into one copy, with some left for the used ring.
    static let maximumSpans = ProcessMemory.maximumSpans - 8
    /// How many copies are made before others have their turn.
    static let rounds = 8

    let memory: ProcessMemory
    let tap: SharedDescriptor
    let macAddress: [UInt8]?
    var regions = MemoryTable()
    /// From the TAP to the guest, and back.
    let receive = VhostQueue(.toDriver)
    let transmit = VhostQueue(.fromDriver)
    var receives = false
    var transmits = false
    var headerSize = NetDevice.modernHeader
    /// Whether a frame may be spread over several chains.
    var mergesBuffers = false
    /// A ring broke a rule: nothing goes on until the driver is set up again.
    private(set) var isBroken = false

    var sendLimiter: FrameLimiter
    var receiveLimiter: FrameLimiter
    var metadata: MetadataStack?
    var counters = FrameCounters()

    /// Whether a read may find something: the TAP is watched for changes only, so that it stays true until a read finds nothing.
    var isTapReadable = true
    /// The TAP device was removed: nothing will come from it any more.
    var isTapGone = false
    /// Whether the guest may have sent something.
    var mustTransmit = false
    /// Whether there may be both frames and buffers for the guest.
    var mustReceive = false
    /// When to look at a ring once more after the guest was asked to notify. A processor may read the wish for silence, which is
    /// withdrawn, before others see what it wrote to the ring: QEMU 7.2 leaves out a lone virtual processor's memory barriers.
    var transmitCheck: UInt64?
    var receiveCheck: UInt64?
    /// How long after that, in nanoseconds.
    static let checkTime: UInt64 = 1_000_000
    /// Whether the guest has given too few buffers, and is asked to notify of more.
    var lacksBuffers = false
    /// The frame at the beginning of `inbound` that waits for buffers or for the limiter.
    var held: Int?

    let outbound = UnsafeMutableRawBufferPointer.allocate(byteCount: NetDevice.stagingSize, alignment: 64)
    let inbound = UnsafeMutableRawBufferPointer.allocate(byteCount: NetDevice.stagingSize, alignment: 64)
    var frames: [Range<Int>] = []
    var localSpans: [MemorySpan] = []
    var remoteSpans: [MemorySpan] = []

    init(_ configuration: Configuration, memory: ProcessMemory, now: UInt64) {
        self.memory = memory
        tap = configuration.tap
        sendLimiter = FrameLimiter(configuration.sendLimiter, levels: configuration.levels.send, now: now)
        receiveLimiter = FrameLimiter(configuration.receiveLimiter, levels: configuration.levels.receive, now: now)
        metadata = configuration.metadataAddress.flatMap { IPv4(text: $0) }.map { MetadataStack(address: $0) }
        macAddress = configuration.macAddress.map { text in
            text.utf8.split(separator: UInt8(ascii: ":")).compactMap { UInt8(String(Substring($0)), radix: 16) }
        }
    }

    deinit {
        outbound.deallocate()
        inbound.deallocate()
    }

    // MARK: Turns

    /// Whether ``turn(service:now:)`` has something to do at once.
    var isBusy: Bool {
        guard !isBroken else { return false }
        return transmits && mustTransmit && !sendLimiter.isBlocked || receives && mustReceive && hasReceivable
    }

    private var hasReceivable: Bool { held == nil || !receiveLimiter.isBlocked }

    /// When ``turn(service:now:)`` is to be called even if nothing has come.
    var deadline: UInt64? {
        guard !isBroken else { return nil }
        let send = transmits ? sendLimiter.blockedUntil : nil
        let receive = receives && held != nil ? receiveLimiter.blockedUntil : nil
        // While the guest takes nothing, sending again would be of no use.
        let answers = receives && held == nil && !lacksBuffers ? metadata?.deadline : nil
        let checks = [transmits ? transmitCheck : nil, receives ? receiveCheck : nil]
        return ([send, receive, answers] + checks).compactMap { $0 }.min()
    }

    /// Moves what can be moved, both ways.
    ///
    /// - Parameter now: Nanoseconds of the monotonic clock.
    func turn(service: inout MetadataService, now: UInt64) {
        guard !isBroken else { return }
        sendLimiter.expire(now: now)
        receiveLimiter.expire(now: now)
        if let deadline = metadata?.deadline, deadline <= now { mustReceive = true }
        if let time = transmitCheck, time <= now {
            transmitCheck = nil
            mustTransmit = true
        }
        if let time = receiveCheck, time <= now {
            receiveCheck = nil
            mustReceive = true
        }
        do throws(VirtQueue.Fault) {
            if transmits, mustTransmit { try pumpTransmit(&service, now: now) }
            if receives, mustReceive, hasReceivable { try pumpReceive(now: now) }
        } catch {
            isBroken = true
        }
    }

    func updateLimiters(receive: RateLimiter?, send: RateLimiter?, now: UInt64) {
        if let receive { receiveLimiter.update(receive, now: now) }
        if let send { sendLimiter.update(send, now: now) }
    }

    /// What has been counted since the last call.
    func takeCounters() -> (frames: FrameCounters, metadata: MetadataCounters) {
        defer { counters = FrameCounters() }
        return (counters, metadata?.takeCounters() ?? MetadataCounters())
    }

    /// A driver that begins anew, or goes on, is believed again.
    func trust() { isBroken = false }
}
