/// What happened to the metadata service, by the names of Firecracker's metrics in the group `mmds`.
struct MetadataCounters: Hashable, Sendable {
    /// Frames that were for the service.
    var acceptedFrames: UInt64 = 0
    /// Of those, what could not be used.
    var acceptedWithError: UInt64 = 0
    /// Of those, what a well-behaved client does not send.
    var acceptedUnusual: UInt64 = 0
    var badFrames: UInt64 = 0
    var invalidTokens: UInt64 = 0
    var missingTokens: UInt64 = 0
    var receivedSegments: UInt64 = 0
    var sentBytes: UInt64 = 0
    var sentFrames: UInt64 = 0
    var connectionsCreated: UInt64 = 0
    var connectionsDestroyed: UInt64 = 0

    /// By name, those which are not 0.
    var named: [(name: String, value: UInt64)] {
        [
            ("rx_accepted", acceptedFrames), ("rx_accepted_err", acceptedWithError),
            ("rx_accepted_unusual", acceptedUnusual), ("rx_bad_eth", badFrames), ("rx_invalid_token", invalidTokens),
            ("rx_no_token", missingTokens), ("rx_count", receivedSegments), ("tx_bytes", sentBytes),
            ("tx_count", sentFrames), ("tx_frames", sentFrames), ("connections_created", connectionsCreated),
            ("connections_destroyed", connectionsDestroyed),
        ].filter { $0.1 > 0 }
    }

    mutating func add(_ other: MetadataCounters) {
        acceptedFrames += other.acceptedFrames
        acceptedWithError += other.acceptedWithError
        acceptedUnusual += other.acceptedUnusual
        badFrames += other.badFrames
        invalidTokens += other.invalidTokens
        missingTokens += other.missingTokens
        receivedSegments += other.receivedSegments
        sentBytes += other.sentBytes
        sentFrames += other.sentFrames
        connectionsCreated += other.connectionsCreated
        connectionsDestroyed += other.connectionsDestroyed
    }
}
