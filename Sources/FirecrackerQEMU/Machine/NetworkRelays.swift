internal import FirecrackerAPI
internal import Linux

/// The interfaces of a machine whose frames pass through this process, and what can be done to them while it runs.
final class NetworkRelays {
    private let thread: NetworkThread
    /// By their places among the relayed ones.
    private var ids: [String?]
    private var remotes: [Int: SharedDescriptor] = [:]

    /// Nil if there is no such interface.
    init?(_ description: MachineDescription) throws(MachineFault) {
        var configurations: [FrameRelay.Configuration] = []
        var ids: [String] = []
        do throws(Errno) {
            for (index, interface) in description.networkInterfaces.enumerated() where interface.isRelayed {
                let (near, far) = try Self.ends()
                remotes[index] = far
                ids.append(interface.id)
                configurations.append(
                    FrameRelay.Configuration(
                        tap: SharedDescriptor(try Descriptor.duplicate(interface.tap)), guest: near,
                        macAddress: interface.macAddress, metadataAddress: interface.metadataAddress,
                        receiveLimiter: interface.receiveLimiter, sendLimiter: interface.sendLimiter))
            }
            if ids.isEmpty { return nil }
            thread = try NetworkThread(configurations, metadata: description.metadata)
        } catch {
            throw MachineFault("Cannot open the channels to QEMU", error)
        }
        self.ids = ids
    }

    private static func ends() throws(Errno) -> (near: SharedDescriptor, far: SharedDescriptor) {
        let pair = try SocketPair()
        return (SharedDescriptor(pair.first), SharedDescriptor(pair.second))
    }

    /// QEMU's ends, by the places of their interfaces.
    var remoteEnds: [Int: Int32] { remotes.mapValues { $0.descriptor.rawValue } }

    /// Once QEMU has its own copies: else its end would not be noticed.
    func closeRemoteEnds() { remotes = [:] }

    func setMetadata(_ store: MetadataStore) { thread.send(.replaceStore(store)) }

    /// Changes the buckets that are given. False if the interface is not relayed.
    func updateLimiters(of id: String, receive: RateLimiter?, send: RateLimiter?) -> Bool {
        guard let index = ids.firstIndex(of: id) else { return false }
        thread.send(.updateLimiters(index: index, receive: receive, send: send))
        return true
    }

    /// An interface was unplugged. Its TAP stays open.
    func forgetInterface(_ id: String) {
        if let index = ids.firstIndex(of: id) { ids[index] = nil }
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
