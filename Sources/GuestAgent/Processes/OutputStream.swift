internal import GuestProtocol
internal import Linux
internal import Reactor

/// One output of a command: a pipe, or its terminal.
///
/// While the connection cannot take more it is not waited for at all: a closed pipe would report itself again and again.
final class OutputStream {
    /// With its header a frame then fills whole packets of vsock, which are 64 KiB.
    private static let maximumRead = FrameType.maximumData - FrameHeader.size

    let type: FrameType
    let descriptor: Descriptor
    private let loop: EventLoop
    private let handler: any EventHandler
    let source: UInt8
    private var registration: EventLoop.Registration?
    /// Whether more may come.
    private(set) var isOpen = true
    /// Once the command has ended: how much of what it wrote is still to be read. What its descendants write later is not waited for.
    private var left: Int?

    init(
        _ type: FrameType, _ descriptor: consuming Descriptor, loop: EventLoop, handler: any EventHandler, source: UInt8
    ) throws(Errno) {
        self.type = type
        self.descriptor = descriptor
        self.loop = loop
        self.handler = handler
        self.source = source
        registration = try loop.add(self.descriptor.rawValue, [.readable], handler: handler, source: source)
    }

    func pause() {
        if let registration { loop.remove(registration) }
        registration = nil
    }

    func resume() throws(Errno) {
        guard isOpen, registration == nil else { return }
        registration = try loop.add(descriptor.rawValue, [.readable], handler: handler, source: source)
    }

    func close() {
        pause()
        isOpen = false
    }

    /// The command has ended: what is there now is the rest.
    func expectEnd() {
        guard isOpen else { return }
        left = Pipe.available(in: descriptor.rawValue)
        if left == 0 { close() }
    }

    /// Whether a read would give something now.
    var hasData: Bool { isOpen && Pipe.available(in: descriptor.rawValue) > 0 }

    /// Reads once into the loop's buffer, after room for a header: the header of what was read, or nil if nothing was.
    func read() -> FrameHeader? {
        let room = UnsafeMutableRawBufferPointer(
            rebasing: loop.buffer[FrameHeader.size...].prefix(min(Self.maximumRead, left ?? .max)))
        let count: Int
        do throws(Errno) {
            count = try descriptor.read(into: room)
        } catch {
            // A terminal that nobody has open any more answers with an I/O error.
            if error != .wouldBlock || left != nil { close() }
            return nil
        }
        if count == 0 {
            close()
            return nil
        }
        if let rest = left {
            left = rest - count
            if rest <= count { close() }
        }
        return try? FrameHeader(type, length: count)
    }
}
