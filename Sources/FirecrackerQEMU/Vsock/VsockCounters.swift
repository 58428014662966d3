internal import Synchronization

/// What went through the vsock device, by the names of Firecracker's metrics. Counted on the device's thread, taken from any.
final class VsockCounters: Sendable {
    /// Towards the guest is received.
    enum Name: String, CaseIterable {
        case receiveEvents = "rx_queue_event_count"
        case transmitEvents = "tx_queue_event_count"
        case receivedBytes = "rx_bytes_count"
        case sentBytes = "tx_bytes_count"
        case receivedPackets = "rx_packets_count"
        case sentPackets = "tx_packets_count"
        case added = "conns_added"
        case killed = "conns_killed"
        case removed = "conns_removed"
        case writeFailures = "tx_write_fails"
        case readFailures = "rx_read_fails"
    }

    private let receiveEvents = Atomic<UInt64>(0)
    private let transmitEvents = Atomic<UInt64>(0)
    private let receivedBytes = Atomic<UInt64>(0)
    private let sentBytes = Atomic<UInt64>(0)
    private let receivedPackets = Atomic<UInt64>(0)
    private let sentPackets = Atomic<UInt64>(0)
    private let added = Atomic<UInt64>(0)
    private let killed = Atomic<UInt64>(0)
    private let removed = Atomic<UInt64>(0)
    private let writeFailures = Atomic<UInt64>(0)
    private let readFailures = Atomic<UInt64>(0)

    func count(_ name: Name, by number: Int = 1) {
        let number = UInt64(number)
        switch name {
        case .receiveEvents: receiveEvents.wrappingAdd(number, ordering: .relaxed)
        case .transmitEvents: transmitEvents.wrappingAdd(number, ordering: .relaxed)
        case .receivedBytes: receivedBytes.wrappingAdd(number, ordering: .relaxed)
        case .sentBytes: sentBytes.wrappingAdd(number, ordering: .relaxed)
        case .receivedPackets: receivedPackets.wrappingAdd(number, ordering: .relaxed)
        case .sentPackets: sentPackets.wrappingAdd(number, ordering: .relaxed)
        case .added: added.wrappingAdd(number, ordering: .relaxed)
        case .killed: killed.wrappingAdd(number, ordering: .relaxed)
        case .removed: removed.wrappingAdd(number, ordering: .relaxed)
        case .writeFailures: writeFailures.wrappingAdd(number, ordering: .relaxed)
        case .readFailures: readFailures.wrappingAdd(number, ordering: .relaxed)
        }
    }

    private func take(_ name: Name) -> UInt64 {
        switch name {
        case .receiveEvents: receiveEvents.exchange(0, ordering: .relaxed)
        case .transmitEvents: transmitEvents.exchange(0, ordering: .relaxed)
        case .receivedBytes: receivedBytes.exchange(0, ordering: .relaxed)
        case .sentBytes: sentBytes.exchange(0, ordering: .relaxed)
        case .receivedPackets: receivedPackets.exchange(0, ordering: .relaxed)
        case .sentPackets: sentPackets.exchange(0, ordering: .relaxed)
        case .added: added.exchange(0, ordering: .relaxed)
        case .killed: killed.exchange(0, ordering: .relaxed)
        case .removed: removed.exchange(0, ordering: .relaxed)
        case .writeFailures: writeFailures.exchange(0, ordering: .relaxed)
        case .readFailures: readFailures.exchange(0, ordering: .relaxed)
        }
    }

    /// What has been counted since the last call, without what is 0.
    func takeCounts() -> [(group: String, name: String, value: UInt64)] {
        Name.allCases.map { ("vsock", $0.rawValue, take($0)) }.filter { $0.2 > 0 }
    }
}
