internal import FirecrackerAPI
public import FirecrackerClient
internal import GuestProtocol
internal import Linux

/// One microVM: a VMM process, the guest in it, and what they hold on the host.
///
/// Theory of operation. A VM lives once: it is started or restored from a snapshot, and it ends, by ``stop(_:)``, by its guest's
/// shutting down, or by a failure. `Lifecycle` says what is possible when. Starting makes a runtime directory, starts a VMM in it,
/// configures the VM over the VMM's API, and waits until the agent in the guest has connected and taken its identity. Whatever is
/// made is noted in this actor before the next suspension, so that there is one way to end (`beginEnding(_:policy:)`) which gives all of
/// it back from any state; everybody who wants the VM to end waits for that one.
public actor MicroVM {
    /// Its name, unique among the VMs that run.
    public nonisolated let id: String
    /// What it is made of.
    public internal(set) var config: VMConfig
    /// Where it is in its life.
    public var state: State { lifecycle.state }
    /// How long the guest's kernel and agent took until the guest was ready, by the guest's own clock; nil until then.
    public internal(set) var guestBootTime: Duration?

    let host: MicroVMHost
    /// Where the VMM's API is to be served, if not in the runtime directory.
    let chosenSocketPath: String?
    let identity: GuestIdentity
    var lifecycle = Lifecycle()

    // What it holds on the host.
    var directory: RuntimeDirectory?
    var console: Console?
    var process: VMMProcess?
    var client: SocketClient?
    var session: GuestSession?
    var sessionTask: Task<Void, any Error>?
    var vsockPath: String?
    var taps: [TapDevice] = []
    var imageUse: BaseImageUse?

    /// What the guest is told of its network.
    var guestInterfaces: [GuestProtocol.NetworkInterface] = []
    /// The start, while it is under way and afterwards.
    var launch: Task<Void, any Error>?
    /// The end, from when somebody has wanted it.
    var ending: Task<StopReport, Never>?
    var exit: VMExit?
    var exitWaiters: [AsyncStream<VMExit>.Continuation] = []
    /// The VMM's release of Firecracker.
    var version: FirecrackerVersion?
    /// How often the guest must have taken its identity for it to have its present one.
    var identitiesSeen = 0
    /// Whether the guest's connections were reset, by a snapshot, since it last took its identity.
    var wasReset = false
    /// Whether the guest has an agent that says hello.
    var hasAgent = false
    /// Whether the VMM has taken everything and the vCPUs run.
    var isInstanceStarted = false

    init(id: String, config: VMConfig, host: MicroVMHost, socketPath: String? = nil) {
        self.id = id
        self.config = config
        self.host = host
        chosenSocketPath = socketPath
        identity = GuestIdentity(hostname: config.hostname ?? id)
    }

    /// Describes a VM that no ``SmartVM`` knows of. Nothing is checked or made on the host before ``start(_:)``.
    ///
    /// - Parameters:
    ///   - id: Letters, digits and hyphens, at most 63.
    ///   - config: What it is made of. Its own `id` does not count.
    ///   - firecrackerBinaryPath: The VMM: a program that takes Firecracker's command line.
    ///   - socketPath: Where the VMM's API will be served: at most 107 bytes, in a directory that exists. A socket there at which nobody
    ///     listens any more is replaced.
    ///   - networkManager: Makes the TAPs of network interfaces that name none.
    ///   - dataDirectory: Images, and the directory of the running VM. Default: the user's.
    /// - Throws: `DATA_DIRECTORY_UNUSABLE` if there is no data directory to use.
    public init(
        _ id: String, _ config: VMConfig, firecrackerBinaryPath: String, socketPath: String,
        networkManager: NetworkManager, dataDirectory: DataDirectory? = nil
    ) throws(SmartVMError) {
        let directory = if let dataDirectory { dataDirectory } else { try DataDirectory() }
        let host = MicroVMHost(
            dataDirectory: directory, vmmSelection: .path(firecrackerBinaryPath),
            networkManager: networkManager, baseImageManager: BaseImageManager(directory),
            imageManager: ImageManager(directory), arch: HostArchitecture.name)
        self.init(id: id, config: config, host: host, socketPath: HostPath.absolute(socketPath))
    }

    /// The connection to the VMM.
    ///
    /// - Throws: `NO_CLIENT` if there is no VMM.
    func connectedClient() throws(SmartVMError) -> SocketClient {
        guard let client else {
            throw SmartVMError(
                .noClient, "VM \(id) has no VMM to talk to: it is \(state.rawValue).",
                cure: state == .created ? "Start it first." : nil)
        }
        return client
    }

    /// The connection to the VMM, if the operation is possible now.
    ///
    /// - Throws: `INVALID_STATE`, `NO_CLIENT`.
    func usableClient(for operation: Lifecycle.Operation) throws(SmartVMError) -> SocketClient {
        try lifecycle.check(operation, of: id)
        return try connectedClient()
    }

    /// Asks something of the VMM, if the operation is possible now and the VMM's release knows it.
    ///
    /// - Throws: `INVALID_STATE`, `NO_CLIENT`, `INVALID_CONFIG` with both releases; as ``SocketClient/send(_:timeout:)`` does.
    @discardableResult
    func send(
        _ request: APIRequest, for operation: Lifecycle.Operation, timeout: Duration? = nil
    ) async throws -> APIAnswer {
        let client = try usableClient(for: operation)
        try requireKnown(request)
        return try await client.send(request, timeout: timeout)
    }

    /// - Throws: `INVALID_CONFIG` with both releases if the VMM's does not know the request.
    func requireKnown(_ request: APIRequest) throws(SmartVMError) {
        let problems = version.map { request.problems(for: $0) } ?? []
        guard problems.isEmpty else {
            throw SmartVMError(
                .invalidConfiguration, problems.joined(separator: "; ") + ".",
                cure: "Use a newer release of Firecracker.")
        }
    }
}
