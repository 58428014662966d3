public import FirecrackerClient
internal import Synchronization

/// The network of the guests: a bridge on the host, and for each guest a TAP, an address and a MAC address.
public final class NetworkManager: Sendable {
    /// The options that it was made with.
    public let options: NetworkManagerOptions
    let subnet: Subnet
    private let allocated = Mutex<Set<UInt32>>([])

    /// Checks the options. Nothing is touched on the host before the first TAP is made.
    ///
    /// - Throws: `INVALID_SUBNET`, `INVALID_INTERFACE_NAME`.
    public init(_ options: NetworkManagerOptions) throws(SmartVMError) {
        try InterfaceName.check(options.bridgeName)
        subnet = try Subnet(options.subnet)
        self.options = options
    }

    /// The same, with the options of the network itself.
    ///
    /// - Throws: `INVALID_SUBNET`, `INVALID_INTERFACE_NAME`.
    public convenience init(
        subnet: String = "172.30.0.0/24", bridgeName: String = "svbr0", dataDirectory: String? = nil
    ) throws(SmartVMError) {
        try self.init(NetworkManagerOptions(subnet: subnet, bridgeName: bridgeName, dataDirectory: dataDirectory))
    }

    /// The next free address of the subnet.
    ///
    /// - Throws: `IP_EXHAUSTED`.
    public func allocateIp() async throws(SmartVMError) -> String {
        let address = allocated.withLock { allocated -> UInt32? in
            guard let free = subnet.guestAddresses.first(where: { !allocated.contains($0) }) else { return nil }
            allocated.insert(free)
            return free
        }
        guard let address else {
            throw SmartVMError(
                .ipExhausted, "All addresses of the subnet \(subnet) are given out.",
                cure: "Remove VMs that are not needed, or use a larger subnet.")
        }
        return Subnet.text(address)
    }
}
