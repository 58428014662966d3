internal import Linux
internal import Reactor

/// One of the two sockets of a relay, and how things stand with it.
final class StreamEnd {
    private let socket: Descriptor
    /// What its events are called by.
    private let source: UInt8
    private var registration: EventLoop.Registration?
    private var watched: Epoll.Events = []
    /// Whether its peer sends nothing more, which the other end has been told.
    var hasEnded = false
    /// Whether it takes no bytes now.
    var isFull = false

    init(_ socket: consuming Descriptor, source: UInt8) {
        self.socket = socket
        self.source = source
    }

    var number: Int32 { socket.rawValue }

    func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try socket.write(bytes)
    }

    /// What there is to wait for: bytes, if the other end takes them, and room, if there is none.
    func wanted(other: StreamEnd) -> Epoll.Events {
        var events: Epoll.Events = []
        if !hasEnded, !other.isFull { events.insert(.readable) }
        if isFull { events.insert(.writable) }
        return events
    }

    /// Waits for events; that the connection has failed is always among them.
    func watch(_ events: Epoll.Events, loop: EventLoop, handler: any EventHandler) throws(Errno) {
        if let registration {
            if events != watched { loop.modify(registration, events) }
        } else {
            registration = try loop.add(number, events, handler: handler, source: source)
        }
        watched = events
    }

    func unwatch(_ loop: EventLoop) {
        if let registration = registration.take() { loop.remove(registration) }
    }
}
