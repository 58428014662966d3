internal import FirecrackerClient
internal import Linux

/// The guest agent's executable on this host: what becomes /init.
struct AgentBinary: Hashable, Sendable {
    let path: String
    /// Device, inode, size and time of change: the same for as long as the content cannot have changed.
    let identity: String

    /// Finds it: `$SMARTVM_GUEST`, else beside the running executable, else in `../libexec/smartvm`, else on PATH.
    init(_ environment: HostEnvironment = .current) throws(SmartVMError) {
        guard let path = environment.companion("smartvm-guest", variable: "SMARTVM_GUEST") else {
            let place = environment.value("SMARTVM_GUEST").map { "at SMARTVM_GUEST=\($0)" } ?? "beside smartvm"
            throw SmartVMError(
                .guestAgentNotFound, "The guest agent smartvm-guest is not \(place).",
                cure: environment.value("SMARTVM_GUEST") == nil
                    ? "swift build -c release --product smartvm-guest" : "unset SMARTVM_GUEST")
        }
        do throws(Errno) {
            let status = try FileStatus(of: path)
            identity = "\(status.device)-\(status.inode)-\(status.size)-\(status.changed)"
        } catch {
            throw SmartVMError(
                .guestAgentNotFound, "The guest agent \(path) cannot be read: \(error).", underlying: error)
        }
        self.path = path
    }
}
