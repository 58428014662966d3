internal import CLinux
internal import Glibc

/// Readiness of many descriptors: epoll(7), level-triggered unless asked otherwise.
public struct Epoll: ~Copyable, Sendable {
    public struct Events: OptionSet, Sendable {
        public var rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        public static let readable = Events(rawValue: EPOLLIN.rawValue)
        public static let writable = Events(rawValue: EPOLLOUT.rawValue)
        /// The peer will send nothing more.
        public static let readHangUp = Events(rawValue: EPOLLRDHUP.rawValue)
        /// Always reported, whether asked for or not.
        public static let hangUp = Events(rawValue: EPOLLHUP.rawValue)
        /// Always reported, whether asked for or not.
        public static let error = Events(rawValue: EPOLLERR.rawValue)
        public static let edgeTriggered = Events(rawValue: EPOLLET.rawValue)
    }

    public struct Event: Sendable {
        /// What `add` was given.
        public var token: UInt64
        public var events: Events
    }

    private let descriptor: Descriptor

    public init() throws(Errno) {
        descriptor = Descriptor(owning: try systemCall { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    public borrowing func add(_ target: Int32, _ events: Events, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_ADD, target, events, token)
    }

    public borrowing func modify(_ target: Int32, _ events: Events, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_MOD, target, events, token)
    }

    public borrowing func remove(_ target: Int32) throws(Errno) {
        try control(EPOLL_CTL_DEL, target, [], 0)
    }

    private borrowing func control(
        _ operation: Int32, _ target: Int32, _ events: Events, _ token: UInt64
    ) throws(Errno) {
        var event = epoll_event(events: events.rawValue, data: epoll_data_t(u64: token))
        let value = descriptor.rawValue
        try systemCall { epoll_ctl(value, operation, target, &event) }
    }

    /// Waits for events and hands them to `body`.
    ///
    /// - Parameters:
    ///   - timeout: Milliseconds; -1 waits without end, 0 not at all.
    /// - Returns: How many events there were; 0 after the timeout.
    @discardableResult
    public borrowing func wait(timeout: Int32 = -1, _ body: (Event) -> Void) throws(Errno) -> Int {
        try wait(nanoseconds: timeout < 0 ? -1 : Int64(timeout) * 1_000_000, body)
    }

    /// Waits for events and hands them to `body`.
    ///
    /// - Parameters:
    ///   - nanoseconds: -1 waits without end, 0 not at all. Kernels before 5.11 wait for whole milliseconds.
    /// - Returns: How many events there were; 0 after the timeout.
    @discardableResult
    public borrowing func wait(nanoseconds: Int64, _ body: (Event) -> Void) throws(Errno) -> Int {
        let value = descriptor.rawValue
        return try withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) {
            (events) -> Result<Int, Errno> in
            guard let base = events.baseAddress else { return .success(0) }
            let count = clinux_epoll_wait(value, base, 64, nanoseconds)
            if count < 0 {
                let error = Errno.current
                return error == .interrupted ? .success(0) : .failure(error)
            }
            for event in events.prefix(Int(count)) {
                body(Event(token: event.data.u64, events: Events(rawValue: event.events)))
            }
            return .success(Int(count))
        }.get()
    }
}
