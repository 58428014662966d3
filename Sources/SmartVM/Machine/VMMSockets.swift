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

    /// - Parameters:
    ///   - api: nil: in the VM's directory; likewise the other.
    init(api: String?, vsock: String?, directory: RuntimeDirectory) {
        self.directory = directory
        self.api = HostPath.absolute(api ?? directory.apiSocketPath)
        self.vsock = HostPath.absolute(vsock ?? directory.vsockPath)
        session = "\(self.vsock)_\(VsockPort.session)"
    }

    /// Writes down what will be outside of the VM's directory, and makes way for it.
    ///
    /// - Throws: `INVALID_CONFIG` if a path cannot be a socket's; ``Errno``.
    func prepare() throws {
        let outside = [api, vsock, session].filter { !$0.hasPrefix("\(directory.path)/") }
        guard !outside.isEmpty else { return }
        for path in outside { try makeWay(path) }
        try directory.writeDown(sockets: outside)
    }

    private func makeWay(_ path: String) throws {
        guard path.utf8.count <= UnixSocket.maximumPathLength else {
            throw SmartVMError(
                .invalidConfiguration,
                "The socket path \(path) has \(path.utf8.count) bytes; Linux allows \(UnixSocket.maximumPathLength).",
                cure: "Choose a shorter path.")
        }
        guard !path.contains("\n") else {
            throw SmartVMError(.invalidConfiguration, "A socket path may not hold a line break.")
        }
        guard FileTree.exists(path) else { return }
        guard try FileTree.attributes(of: path, followLinks: false).isSocket, isAbandoned(path) else {
            throw SmartVMError(
                .invalidConfiguration, "There is something at the socket path \(path) already.",
                cure: "Choose another path, or end the VMM that serves it.")
        }
        try FileTree.remove(path)
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
