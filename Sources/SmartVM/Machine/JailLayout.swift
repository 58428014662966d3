internal import FirecrackerClient
internal import Linux

/// Where a jail is and what the jailer is told: all that follows from names alone.
///
/// The jailer makes `<base>/<file name of the VMM>/<id>/root` the VMM's root directory, copies the VMM into it, and runs it there.
struct JailLayout: Hashable, Sendable {
    var config: JailerConfig
    var jailer: String
    /// The VMM, by its real path: the jailer resolves links before it takes the name.
    var executable: String
    var id: String
    var cgroupVersion: JailerConfig.CgroupVersion

    /// What the VMM is called in the jail.
    var executableName: String { String(executable.split(separator: "/").last ?? "firecracker") }
    /// The directory of all jails by its real path, which is what the kernel calls mounts by.
    private var base: String { File.realPath(config.chrootBaseDir) ?? config.chrootBaseDir }
    /// What goes when the jail goes.
    var directory: String { "\(base)/\(executableName)/\(id)" }
    /// What the VMM sees as `/`.
    var root: String { "\(directory)/root" }
    /// The control group of the VMM, relative to its hierarchy.
    var cgroup: String { "\(config.parentCgroup ?? executableName)/\(id)" }

    // The same from within. The names are short, because the paths of sockets are.
    static let apiSocket = "/api.sock"
    static let vsock = "/v.sock"
    static let log = "/vmm.log"

    var apiSocketPath: String { root + Self.apiSocket }
    var vsockPath: String { root + Self.vsock }

    /// What the jailer is told, without argv[0].
    ///
    /// - Parameters:
    ///   - hasLogger: Whether the VMM will be told over its API where its log goes.
    ///   - enablesPCI: Whether the devices are to be on a PCI bus.
    func jailerArguments(hasLogger: Bool = false, enablesPCI: Bool = false) -> [String] {
        var arguments = ["--id", id, "--exec-file", executable, "--uid", "\(config.uid)", "--gid", "\(config.gid)"]
        arguments += ["--chroot-base-dir", config.chrootBaseDir]
        if let netns = config.netns { arguments += ["--netns", netns] }
        if !config.cgroups.isEmpty || config.parentCgroup != nil {
            arguments += ["--cgroup-version", "\(cgroupVersion.rawValue)"]
        }
        if let parent = config.parentCgroup { arguments += ["--parent-cgroup", parent] }
        for (file, value) in config.cgroups.sorted(by: { $0.key < $1.key }) {
            arguments += ["--cgroup", "\(file)=\(value)"]
        }
        if let size = config.resourceLimits.fsize { arguments += ["--resource-limit", "fsize=\(size)"] }
        if let count = config.resourceLimits.noFile { arguments += ["--resource-limit", "no-file=\(count)"] }
        // The jailer itself gives the VMM its id.
        arguments += ["--", "--api-sock", Self.apiSocket] + (enablesPCI ? ["--enable-pci"] : [])
        return hasLogger ? arguments : arguments + ["--log-path", Self.log]
    }

    /// An id that no jail has had: a second run under one id fails, because of what the first has left.
    ///
    /// - Throws: `INVALID_CONFIG` for a name with other characters than the jailer takes.
    static func freshID(for vm: String) throws(SmartVMError) -> String {
        guard !vm.isEmpty, vm.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || Self.isLetterOrDigit($0) }) else {
            throw SmartVMError(
                .invalidConfiguration, "A VM called \"\(vm)\" cannot run under the jailer.",
                cure: "Use only letters, digits and hyphens in its name.")
        }
        return "\(vm.prefix(40))-\(GuestIdentity.randomHexadecimal(bytes: 4))"
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// - Throws: `INVALID_CONFIG` if sockets in the jail would have paths that Linux does not take.
    func checkLengths() throws(SmartVMError) {
        let longest = "\(vsockPath)_4294967295"
        guard longest.utf8.count <= UnixSocket.maximumPathLength else {
            throw SmartVMError(
                .invalidConfiguration,
                "The sockets in the jail \(directory) would have paths of \(longest.utf8.count) bytes; Linux allows "
                    + "\(UnixSocket.maximumPathLength).",
                cure: "Choose a shorter chrootBaseDir, or a shorter name for the VM.")
        }
    }
}
