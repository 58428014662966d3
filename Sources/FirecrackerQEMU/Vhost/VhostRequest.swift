/// One ioctl of linux/vhost.h, as QEMU makes it on what it takes for /dev/vhost-vsock or /dev/vhost-net.
enum VhostRequest: Hashable {
    case getFeatures
    case setFeatures(UInt64)
    case setOwner
    case setMemoryTable(MemoryTable)
    case setRingSize(queue: Int, UInt32)
    case setRingAddresses(queue: Int, VirtQueue.Addresses)
    case setRingBase(queue: Int, UInt16)
    case getRingBase(queue: Int)
    /// QEMU's number of an eventfd that the guest's notifications arrive at; nil for none.
    case setKick(queue: Int, Int32?)
    /// QEMU's number of an eventfd that interrupts the guest; nil for none.
    case setCall(queue: Int, Int32?)
    case setGuestCID(UInt64)
    case setRunning(Bool)
    /// Whether a queue of a network device has a TAP to work with.
    case setBackend(queue: Int, Bool)
    /// Something that needs no more than an answer.
    case accepted
    /// Something that this device does not have.
    case unsupported

    /// The second byte of each request's number.
    static let group: UInt8 = 0xaf

    /// What every device can do: the bits of Virtio and of linux/vhost.h.
    static let commonFeatures: UInt64 =
        1 << 32  // VIRTIO_F_VERSION_1
        | 1 << 28  // VIRTIO_RING_F_INDIRECT_DESC
        | 1 << 26  // VHOST_F_LOG_ALL, without which QEMU would not save the machine

    /// The bytes behind the request's third argument that it consists of, before ``init(_:payload:)`` can be called.
    static func payloadSize(_ request: UInt32) -> Int {
        Int(request >> 16 & 0x3fff)
    }

    /// Whether the regions of a memory table follow the payload.
    static func hasRegions(_ request: UInt32) -> Bool { request & 0xffff == 0xaf03 }

    /// - Parameters:
    ///   - request: The ioctl's number.
    ///   - payload: What stands at the third argument: for a memory table the regions too.
    /// - Returns: Nil if the payload is not what the request needs.
    init?(_ request: UInt32, payload: [UInt8]) {
        guard request >> 8 & 0xff == UInt32(Self.group), payload.count >= Self.payloadSize(request) else { return nil }
        func word(_ offset: Int) -> UInt32? {
            payload.count >= offset + 4 ? payload.integer(at: offset, as: UInt32.self) : nil
        }
        func long(_ offset: Int) -> UInt64? {
            payload.count >= offset + 8 ? payload.integer(at: offset, as: UInt64.self) : nil
        }
        var queue: Int? {
            word(0).flatMap { $0 < 2 ? Int($0) : nil }
        }
        let isRead = request >> 30 == 2
        let writesBack = request >> 30 == 3
        switch request & 0xff {
        case 0x00 where isRead: self = .getFeatures
        case 0x00:
            guard let features = long(0) else { return nil }
            self = .setFeatures(features)
        case 0x01, 0x02: self = .setOwner
        case 0x03:
            guard let table = MemoryTable(vhostMemory: payload) else { return nil }
            self = .setMemoryTable(table)
        case 0x10:
            guard let queue, let size = word(4) else { return nil }
            self = .setRingSize(queue: queue, size)
        case 0x11:
            guard let queue, let table = long(8), let used = long(16), let available = long(24) else { return nil }
            self = .setRingAddresses(
                queue: queue,
                VirtQueue.Addresses(descriptors: UInt(table), available: UInt(available), used: UInt(used)))
        case 0x12 where writesBack:
            guard let queue else { return nil }
            self = .getRingBase(queue: queue)
        case 0x12:
            guard let queue, let base = word(4), let index = UInt16(exactly: base) else { return nil }
            self = .setRingBase(queue: queue, index)
        case 0x20, 0x21:
            guard let queue, let number = word(4) else { return nil }
            let descriptor = Int32(bitPattern: number)
            let valid = descriptor < 0 ? nil : descriptor
            self = request & 0xff == 0x20 ? .setKick(queue: queue, valid) : .setCall(queue: queue, valid)
        // The error eventfd and the log of written pages: errors show as a device that stands still, and a machine is stopped before
        // it is saved.
        case 0x22, 0x04, 0x07: self = .accepted
        case 0x30:
            guard let queue, let number = word(4) else { return nil }
            self = .setBackend(queue: queue, Int32(bitPattern: number) >= 0)
        case 0x60:
            guard let cid = long(0) else { return nil }
            self = .setGuestCID(cid)
        case 0x61:
            guard let running = word(0) else { return nil }
            self = .setRunning(running != 0)
        default: self = .unsupported
        }
    }
}
