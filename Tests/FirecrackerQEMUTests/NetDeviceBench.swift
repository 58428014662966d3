import FirecrackerAPI
import Glibc
import Linux

@testable import FirecrackerQEMU

/// A network device between a driver in this process's memory and a socket that keeps messages apart as a TAP does; no QEMU.
final class NetDeviceBench {
    let driver: TestDriver
    let device: NetDevice
    /// The other end of the TAP.
    var host: Linux.Descriptor?
    var service: MetadataService
    var now: UInt64 = 0
    private let epoll: Epoll
    private var buffers: [UInt32: (offset: Int, count: Int)] = [:]

    init(
        receive: RateLimiter? = nil, send: RateLimiter? = nil, hasMetadata: Bool = false, merges: Bool = true,
        queueSize: Int = 256
    ) throws {
        driver = TestDriver(queueSize: queueSize)
        epoll = try Epoll()
        var ends: [Int32] = [-1, -1]
        try systemCall { socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(O_NONBLOCK), 0, &ends) }
        host = Linux.Descriptor(owning: ends[0])
        service = try MetadataServiceTests.service()
        device = NetDevice(
            NetDevice.Configuration(
                tap: SharedDescriptor(Linux.Descriptor(owning: ends[1])), macAddress: "02:00:00:00:00:07",
                metadataAddress: hasMetadata ? "169.254.169.254" : nil, receiveLimiter: receive, sendLimiter: send),
            memory: ownMemory, now: 0)
        try perform(.setFeatures(NetDevice.features & (merges ? .max : ~(1 << 15))))
        try perform(.setMemoryTable(driver.table))
        try begin()
    }

    @discardableResult
    func perform(_ request: VhostRequest) throws -> [UInt8]? {
        try device.perform(request, of: try ownProcess(), epoll: epoll, tokens: (0, 1))
    }

    /// As QEMU does when the driver is ready, or the machine goes on.
    func begin(bases: [UInt16] = [0, 0]) throws {
        for (number, ring) in [driver.receive, driver.transmit].enumerated() {
            try perform(.setRingSize(queue: number, UInt32(driver.queueSize)))
            try perform(.setRingBase(queue: number, bases[number]))
            try perform(.setRingAddresses(queue: number, driver.addresses(ring)))
            try perform(.setBackend(queue: number, true))
        }
    }

    /// As QEMU does at a reset or a pause: where the rings will go on.
    func stop() throws -> [UInt16] {
        try (0..<2).map { number in
            try perform(.setBackend(queue: number, false))
            return try perform(.getRingBase(queue: number))?.integer(at: 4, as: UInt16.self) ?? 0
        }
    }

    func turn() {
        // What the epoll would say.
        device.isTapReadable = true
        device.mustReceive = true
        device.mustTransmit = true
        device.turn(service: &service, now: now)
    }

    /// The guest sends a frame behind its header.
    func guestSends(_ frame: [UInt8], header: [UInt8] = [UInt8](repeating: 0, count: 12), indirect: Bool = true) {
        let bytes = header + frame
        let place = driver.allocate(bytes.count)
        driver.arena[place..<(place + bytes.count)].copyBytes(from: bytes)
        driver.offer(
            &driver.transmit, [(place, header.count), (place + header.count, frame.count)].filter { $0.1 > 0 },
            writable: false, indirect: indirect)
    }

    /// What the host's TAP has got, without headers.
    func hostFrames(header: Int = 12) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        while let value = host?.rawValue, case let count = recv(value, &buffer, buffer.count, 0), count > 0 {
            frames.append(Array(buffer[min(header, count)..<count]))
        }
        return frames
    }

    func hostSends(_ frame: [UInt8], header: Int = 12) throws {
        try host?.writeAll([UInt8](repeating: 0, count: header) + frame)
    }

    /// The guest gives buffers of that size for frames.
    func offerBuffers(_ count: Int, size: Int, indirect: Bool = false) {
        for _ in 0..<count {
            let place = driver.allocate(size)
            buffers[UInt32(driver.receive.nextDescriptor)] = (place, size)
            driver.offer(&driver.receive, [(place, size)], writable: true, indirect: indirect)
        }
    }

    /// What the guest has got, put together and without headers; nil for what is not as it should be.
    func guestFrames(header: Int = 12) -> [[UInt8]?] {
        var frames: [[UInt8]?] = []
        var used = driver.takeUsed(&driver.receive)[...]
        while let first = used.first, let buffer = buffers[first.head] {
            let count = header == 12 ? Int(driver.get(buffer.offset + 10, as: UInt16.self)) : 1
            guard (1...used.count).contains(count) else {
                frames.append(nil)
                break
            }
            var bytes: [UInt8] = []
            for part in used.prefix(count) {
                guard let buffer = buffers[part.head], Int(part.length) <= buffer.count else { return [nil] }
                bytes += driver.arena[buffer.offset..<(buffer.offset + Int(part.length))]
            }
            frames.append(bytes.count >= header ? Array(bytes[header...]) : nil)
            used = used.dropFirst(count)
        }
        return frames
    }

    static func frame(_ count: Int, _ seed: Int = 0) -> [UInt8] {
        [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 7]
            + (12..<max(12, count)).map { UInt8(truncatingIfNeeded: $0 &* 7 + seed) }
    }
}
