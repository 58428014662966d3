internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// The network interfaces with which a machine was started, and what can be done to them while it runs. Those that are plugged later are QEMU's
/// own: of what QEMU calls only the descriptors are seen here that it had at its start.
final class NetworkInterfaces {
    private let thread: NetworkThread
    /// In their order; nil for those that are gone.
    private var ids: [String?]
    private let taps: [SharedDescriptor]

    /// - Parameter numbers: QEMU's descriptors that stand for /dev/vhost-net, in the order of the interfaces.
    init(
        _ description: MachineDescription, numbers: [Int32], process: ChildProcess, inbox: VhostInbox
    ) throws(Errno) {
        var devices: [NetDevice.Configuration] = []
        let levels = description.snapshot?.state.limiters ?? [:]
        for interface in description.networkInterfaces {
            devices.append(
                NetDevice.Configuration(
                    tap: SharedDescriptor(try Descriptor.duplicate(interface.tap)), macAddress: interface.macAddress,
                    metadataAddress: interface.metadataAddress, receiveLimiter: interface.receiveLimiter,
                    sendLimiter: interface.sendLimiter,
                    levels: NetworkLevels(of: interface.id, in: levels)))
        }
        ids = description.networkInterfaces.map(\.id)
        taps = devices.map(\.tap)
        thread = try NetworkThread(
            devices, numbers: numbers, metadata: description.metadata, process: process, inbox: inbox)
    }

    /// What is left in the buckets of the interfaces of a machine that stands still, by their names.
    var levels: [String: LimiterLevels] {
        ids.enumerated().reduce(into: [:]) { levels, interface in
            guard let id = interface.element else { return }
            levels.merge(thread.levels(at: interface.offset).named(id)) { first, _ in first }
        }
    }

    /// Whether its frames pass here.
    func carries(_ id: String) -> Bool { ids.firstIndex(of: id) != nil }

    /// Closes the TAP of an interface that QEMU has given up. Its number stays the thread's, and leads nowhere.
    func release(_ id: String) {
        guard let index = ids.firstIndex(of: id) else { return }
        ids[index] = nil
        guard let null = try? Descriptor.open("/dev/null", O_RDWR) else { return }
        let number = taps[index].descriptor.rawValue
        if dup2(null.rawValue, number) >= 0 { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
    }

    func setMetadata(_ store: MetadataStore) { thread.send(.replaceStore(store)) }

    /// Changes the buckets that are given.
    func updateLimiters(of id: String, receive: RateLimiter?, send: RateLimiter?) {
        guard let index = ids.firstIndex(of: id) else { return }
        thread.send(.updateLimiters(index: index, receive: receive, send: send))
    }

    /// What has been counted since the last call, by the names of Firecracker's metrics.
    func takeCounters() -> [(group: String, name: String, value: UInt64)] {
        let counted = thread.takeCounters()
        var result = counted.metadata.named.map { (group: "mmds", name: $0.name, value: $0.value) }
        for (id, frames) in zip(ids, counted.frames) {
            for counter in frames.named {
                result.append(("net", counter.name, counter.value))
                if let id { result.append(("net_\(id)", counter.name, counter.value)) }
            }
        }
        return result
    }
}
