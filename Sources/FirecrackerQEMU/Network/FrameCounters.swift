/// What went through one interface, by the names of Firecracker's metrics in the group `net`. Towards the guest is received.
struct FrameCounters: Hashable, Sendable {
    var receivedBytes: UInt64 = 0
    var receivedFrames: UInt64 = 0
    var sentBytes: UInt64 = 0
    var sentFrames: UInt64 = 0
    /// Frames that the guest has no buffers for, and never will.
    var receiveFailures: UInt64 = 0
    var tapReadFailures: UInt64 = 0
    var tapWriteFailures: UInt64 = 0
    var receiveThrottles: UInt64 = 0
    var sendThrottles: UInt64 = 0
    var malformedFrames: UInt64 = 0
    var spoofedFrames: UInt64 = 0

    /// By name, those which are not 0.
    var named: [(name: String, value: UInt64)] {
        [
            ("rx_bytes_count", receivedBytes), ("rx_packets_count", receivedFrames), ("rx_count", receivedFrames),
            ("tx_bytes_count", sentBytes), ("tx_packets_count", sentFrames), ("tx_count", sentFrames),
            ("rx_fails", receiveFailures), ("tap_read_fails", tapReadFailures), ("tap_write_fails", tapWriteFailures),
            ("rx_rate_limiter_throttled", receiveThrottles), ("tx_rate_limiter_throttled", sendThrottles),
            ("tx_malformed_frames", malformedFrames), ("tx_spoofed_mac_count", spoofedFrames),
        ].filter { $0.1 > 0 }
    }

    mutating func add(_ other: FrameCounters) {
        receivedBytes += other.receivedBytes
        receivedFrames += other.receivedFrames
        sentBytes += other.sentBytes
        sentFrames += other.sentFrames
        receiveFailures += other.receiveFailures
        tapReadFailures += other.tapReadFailures
        tapWriteFailures += other.tapWriteFailures
        receiveThrottles += other.receiveThrottles
        sendThrottles += other.sendThrottles
        malformedFrames += other.malformedFrames
        spoofedFrames += other.spoofedFrames
    }
}
