internal import FirecrackerClient
internal import GuestProtocol
internal import Linux

/// The sockets of one VM: of its VMM's API, and the host's ends of its guest's vsock.
struct VMMSockets: Sendable {
    /// Where the VMM serves its API.
    let api: String
    /// Where the VMM takes connections to the guest.
    let vsock: String
    /// Where the guest's agent arrives.
    let session: String
    private let directory: RuntimeDirectory

    init(chosenPath: String?, directory: RuntimeDirectory) {
        self.directory = directory
        api = chosenPath ?? directory.apiSocketPath
        vsock = directory.vsockPath
        session = directory.guestInitiatedSocketPath(port: VsockPort.session)
    }

    /// Writes down what will be outside of the VM's directory, and makes way for it.
    ///
    /// - Throws: `INVALID_CONFIG` if the path cannot be a socket's; ``Errno``.
    func prepare() throws {
        guard api != directory.apiSocketPath else { return }
        guard api.utf8.count <= UnixSocket.maximumPathLength else {
            throw SmartVMError(
                .invalidConfiguration,
                "The socket path \(api) has \(api.utf8.count) bytes; Linux allows \(UnixSocket.maximumPathLength).")
        }
        if FileTree.exists(api) {
            guard try FileTree.attributes(of: api, followLinks: false).isSocket, isAbandoned(api) else {
                throw SmartVMError(
                    .invalidConfiguration, "There is something at the socket path \(api) already.",
                    cure: "Choose another path, or end the VMM that serves it.")
            }
            try FileTree.remove(api)
        }
        try directory.writeDown(sockets: [api])
    }

    /// Nobody listens at it: its VMM was killed.
    private func isAbandoned(_ path: String) -> Bool {
        do throws(Errno) {
            _ = try UnixSocket.connect(to: path, nonBlocking: true)
            return false
        } catch {
            return error == .connectionRefused
        }
    }
}
