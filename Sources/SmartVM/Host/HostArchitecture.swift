/// The processor that this program was built for, as `uname -m` says it; Firecracker's releases and images are named by it too.
enum HostArchitecture {
    /// `x86_64` or `aarch64`.
    static var name: String {
        #if arch(x86_64)
            "x86_64"
        #else
            "aarch64"
        #endif
    }

    /// All that Firecracker runs on.
    static let all = ["x86_64", "aarch64"]
}
