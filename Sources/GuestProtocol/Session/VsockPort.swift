/// The vsock ports of the protocol.
public enum VsockPort {
    /// The guest connects to this port of the host (context 2) for its session.
    public static let session: UInt32 = 1024
    /// The host connects to this port of the guest, once for each command.
    public static let exec: UInt32 = 1024
    /// The host connects to this port of the guest, once for each transfer of files.
    public static let files: UInt32 = 1025
    /// The host connects to this port of the guest to learn what the guest uses: the guest sends one message and closes. An agent of an
    /// earlier version does not listen there.
    public static let usage: UInt32 = 1026
}
