/// A release of Firecracker on this machine.
public struct FirecrackerRelease: Hashable, Sendable, Codable {
    /// As its tag: `v1.16.1`.
    public var version: String
    /// `x86_64` or `aarch64`.
    public var arch: String
    /// The program `firecracker`.
    public var firecrackerPath: String
    /// The program `jailer`.
    public var jailerPath: String

    /// A release whose programs lie at these paths.
    public init(version: String, arch: String, firecrackerPath: String, jailerPath: String) {
        self.version = version
        self.arch = arch
        self.firecrackerPath = firecrackerPath
        self.jailerPath = jailerPath
    }
}
