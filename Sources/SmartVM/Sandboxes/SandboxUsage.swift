internal import GuestProtocol
internal import SupervisorProtocol

/// What a ``Sandbox`` uses at one moment: see ``Sandbox/usage()``.
public struct SandboxUsage: Hashable, Sendable, Codable {
    /// Processes of the host that are the sandbox's: its supervisor, its VMM, and what that has started.
    public struct Host: Hashable, Sendable, Codable {
        /// CPU time that they have used, in seconds.
        public var cpuSeconds: Double
        /// Bytes of memory; what they share with each other is counted once.
        public var memoryBytes: Int64
        /// Bytes that they have read from the host's disks, which is less than the guest has read as far as the host had it in memory.
        public var readBytes: Int64
        /// Bytes that they have caused to be written.
        public var writtenBytes: Int64
    }

    /// Its interfaces, as the guest sees them.
    public struct Network: Hashable, Sendable, Codable {
        /// Bytes.
        public var receivedBytes: Int64
        /// Bytes.
        public var sentBytes: Int64
    }

    /// What the guest's kernel says, by way of its agent. The guest could lie.
    public struct Guest: Hashable, Sendable, Codable {
        /// A file system.
        public struct FileSystemUsage: Hashable, Sendable, Codable {
            /// Where, in the guest.
            public var path: String
            /// Bytes.
            public var totalBytes: Int64
            /// Bytes that users can still write.
            public var availableBytes: Int64
        }

        /// Bytes, without what the balloon has taken.
        public var memoryTotalBytes: Int64
        /// Bytes that programs and kernel use and could not give up.
        public var memoryUsedBytes: Int64
        /// Bytes that programs could still get.
        public var memoryAvailableBytes: Int64
        /// Bytes of files in memory, which are given up when it is needed.
        public var memoryCachedBytes: Int64
        /// Bytes that the balloon has taken.
        public var balloonBytes: Int64
        /// CPU time of all its CPUs since its boot, in seconds.
        public var cpuSeconds: Double
        /// The load average of the last minute.
        public var load: Double
        /// Processes, without the kernel's and the agent.
        public var processes: Int
        /// Since its boot.
        public var uptimeSeconds: Double
        /// The root first.
        public var mounts: [FileSystemUsage]
    }

    /// The sandbox's.
    public var id: String
    /// The sandbox's.
    public var name: String
    /// Where it was in its life.
    public var state: SandboxInfo.State
    /// When this was found, as RFC 3339 writes it, in UTC.
    public var time: String
    /// Of one CPU of the host, since the measurement before; nil if there is none before.
    public var cpuPercent: Double?
    /// Nil if it does not run.
    public var host: Host?
    /// Nil if it has no interface that can be looked at.
    public var network: Network?
    /// Nil if it does not run, is paused, or if its agent is of an old version or did not answer within a second.
    public var guest: Guest?

    /// With ``cpuPercent`` as what was used since another measurement of the same sandbox.
    ///
    /// - Parameter earlier: The measurement before.
    public func since(_ earlier: SandboxUsage) -> SandboxUsage {
        var usage = self
        guard let now = host, let before = earlier.host, let end = Timestamp(time), let start = Timestamp(earlier.time),
            end.nanoseconds > start.nanoseconds
        else { return usage }
        let seconds = Double(end.nanoseconds - start.nanoseconds) / 1e9
        // A VM that was started again meanwhile has used less than before.
        usage.cpuPercent = max(0, now.cpuSeconds - before.cpuSeconds) / seconds * 100
        return usage
    }
}

extension SandboxUsage.Guest {
    init(_ report: UsageReport) {
        let size = { (bytes: UInt64) in Int64(clamping: bytes) }
        let balloon = min(report.memoryBalloon, report.memoryTotal)
        let total = report.memoryTotal - balloon
        let available = min(report.memoryAvailable, total)
        self.init(
            memoryTotalBytes: size(total), memoryUsedBytes: size(total - available),
            memoryAvailableBytes: size(available), memoryCachedBytes: size(report.memoryCached),
            balloonBytes: size(balloon), cpuSeconds: Double(report.cpuMilliseconds) / 1000,
            load: Double(report.load) / 1000, processes: Int(report.processes),
            uptimeSeconds: Double(report.uptimeMilliseconds) / 1000,
            mounts: report.mounts.prefix(64).map {
                FileSystemUsage(path: $0.path, totalBytes: size($0.total), availableBytes: size($0.available))
            })
    }
}
