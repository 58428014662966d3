/// What a guest uses, as its kernel counts it: the one message of a usage connection.
///
/// A later version may append fields: what follows those that are known is skipped.
public struct UsageReport: FrameMessage, Hashable {
    // Bytes of memory.
    public var memoryTotal: UInt64 = 0
    /// What programs could still get.
    public var memoryAvailable: UInt64 = 0
    /// Pages of files, which are given up when memory is needed.
    public var memoryCached: UInt64 = 0
    /// What the balloon has taken.
    public var memoryBalloon: UInt64 = 0
    /// Time of all CPUs that was not idle, in ms since the boot.
    public var cpuMilliseconds: UInt64 = 0
    /// The load average of the last minute, in thousandths.
    public var load: UInt64 = 0
    /// Processes, without the kernel's own and the agent.
    public var processes: UInt32 = 0
    /// Since the boot.
    public var uptimeMilliseconds: UInt64 = 0
    /// The root and what the host has asked to mount.
    public var mounts: [Mount] = []

    /// A file system.
    public struct Mount: Hashable, Sendable {
        public var path: String
        /// Bytes.
        public var total: UInt64
        /// Bytes that users can still write.
        public var available: UInt64

        public init(path: String, total: UInt64, available: UInt64) {
            self.path = path
            self.total = total
            self.available = available
        }
    }

    public init() {}

    public var frameType: FrameType { .usage }

    public func writePayload(to writer: inout WireWriter) {
        for value in [
            memoryTotal, memoryAvailable, memoryCached, memoryBalloon, cpuMilliseconds, load, uptimeMilliseconds,
        ] {
            writer.write(value)
        }
        writer.write(processes)
        writer.write(list: mounts) { writer, mount in
            writer.write(mount.path)
            writer.write(mount.total)
            writer.write(mount.available)
        }
    }

    public init(_ type: FrameType, payload: inout WireReader) throws(GuestProtocolError) {
        guard type == .usage else { throw .unexpectedFrame(type: type.rawValue) }
        memoryTotal = try payload.integer()
        memoryAvailable = try payload.integer()
        memoryCached = try payload.integer()
        memoryBalloon = try payload.integer()
        cpuMilliseconds = try payload.integer()
        load = try payload.integer()
        uptimeMilliseconds = try payload.integer()
        processes = try payload.integer()
        mounts = try payload.list { (reader) throws(GuestProtocolError) in
            Mount(path: try reader.string(), total: try reader.integer(), available: try reader.integer())
        }
        _ = payload.rest()
    }
}
