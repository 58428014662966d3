public import FirecrackerClient
internal import Linux

/// The program that runs a VM, and why it is this one.
public struct VMM: Hashable, Sendable {
    /// Which of the two it is, as far as that shows from its choice; nothing depends on it.
    public enum Kind: String, Hashable, Sendable {
        /// Firecracker: needs a usable KVM.
        case firecracker
        /// smartvm-qemu: Firecracker's API on QEMU, without KVM.
        case qemu
    }

    /// Which of the two it is.
    public var kind: Kind
    /// An absolute path.
    public var path: String
    /// A sentence.
    public var reason: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(kind: Kind, path: String, reason: String) {
        self.kind = kind
        self.path = path
        self.reason = reason
    }
}

/// Which VMM a user wants: `--vmm firecracker|qemu|PATH`, or the best that this host can run.
public enum VMMSelection: Hashable, Sendable {
    /// Firecracker where it is installed and KVM is usable, else smartvm-qemu.
    case automatic
    /// `firecracker`, wherever it is found.
    case firecracker
    /// `smartvm-qemu`, wherever it is found.
    case qemu
    /// A program that takes Firecracker's arguments. One whose name contains `qemu` is of kind ``VMM/Kind/qemu``.
    case path(String)

    /// From an option's value.
    public init(_ option: String) {
        self =
            switch option {
            case "auto", "automatic": .automatic
            case "firecracker": .firecracker
            case "qemu": .qemu
            default: .path(option)
            }
    }

    /// Finds the program. Takes less than a millisecond once KVM has been probed in this boot of the host.
    ///
    /// - Parameters:
    ///   - environment: Where programs are looked for. Default: that of this process.
    ///   - dataDirectory: Keeps the result of the probe; a program `bin/firecracker` in it is found too, and the releases that
    ///     `smartvm vmm pull` has fetched.
    ///   - probe: Nil: the one that this boot of the host has seen, or a new one.
    /// - Throws: `VMM_NOT_FOUND`, with what to install.
    public func resolve(
        in dataDirectory: DataDirectory, environment: HostEnvironment = .current, probe: KVMProbe? = nil
    ) throws(SmartVMError) -> VMM {
        switch self {
        case .firecracker:
            guard let path = Self.firecracker(dataDirectory, environment) else {
                throw SmartVMError(
                    .vmmNotFound, "firecracker is neither on PATH nor in \(dataDirectory.path).",
                    cure:
                        "Fetch it with `smartvm vmm pull`, or use --vmm qemu."
                )
            }
            return VMM(kind: .firecracker, path: path, reason: "It was asked for.")
        case .qemu:
            return VMM(kind: .qemu, path: try Self.qemu(environment), reason: "It was asked for.")
        case .path(let path):
            guard File.isExecutable(path) else {
                throw SmartVMError(
                    .vmmNotFound, "The VMM \(path) is not an executable file.",
                    cure: "Give --vmm firecracker, --vmm qemu, or the path of an executable.")
            }
            let isQEMU = path.split(separator: "/").last?.contains("qemu") ?? false
            return VMM(
                kind: isQEMU ? .qemu : .firecracker, path: DataDirectory(path: path).path, reason: "It was asked for.")
        case .automatic:
            guard let firecracker = Self.firecracker(dataDirectory, environment) else {
                return VMM(kind: .qemu, path: try Self.qemu(environment), reason: "firecracker is not installed.")
            }
            let probe = probe ?? KVMProbe.cached(in: dataDirectory.kvmProbePath)
            guard probe.isUsable else {
                return VMM(kind: .qemu, path: try Self.qemu(environment), reason: probe.reason)
            }
            return VMM(kind: .firecracker, path: firecracker, reason: probe.reason)
        }
    }

    private static func firecracker(_ dataDirectory: DataDirectory, _ environment: HostEnvironment) -> String? {
        let own = "\(dataDirectory.path)/bin/firecracker"
        return environment.program("firecracker") ?? (File.isExecutable(own) ? own : dataDirectory.newestFirecracker)
    }

    /// smartvm-qemu, and what it runs.
    private static func qemu(_ environment: HostEnvironment) throws(SmartVMError) -> String {
        guard let path = environment.companion("smartvm-qemu", variable: "SMARTVM_QEMU") else {
            let place = environment.value("SMARTVM_QEMU").map { "at SMARTVM_QEMU=\($0)" } ?? "beside smartvm"
            throw SmartVMError(
                .vmmNotFound, "smartvm-qemu is not \(place).",
                cure: environment.value("SMARTVM_QEMU") == nil
                    ? "swift build -c release --product smartvm-qemu" : "unset SMARTVM_QEMU")
        }
        guard environment.program(HostEnvironment.qemuSystem) != nil else {
            throw SmartVMError(
                .vmmNotFound, "QEMU is not installed: there is no \(HostEnvironment.qemuSystem).",
                cure: "sudo apt-get install \(HostEnvironment.qemuPackage)")
        }
        return path
    }
}

extension HostEnvironment {
    /// QEMU's program for this machine's architecture.
    static var qemuSystem: String {
        #if arch(x86_64)
            "qemu-system-x86_64"
        #else
            "qemu-system-aarch64"
        #endif
    }

    /// Debian's package of it.
    static var qemuPackage: String {
        #if arch(x86_64)
            "qemu-system-x86"
        #else
            "qemu-system-arm"
        #endif
    }
}

extension DataDirectory {
    /// The program of the newest release that was fetched.
    fileprivate var newestFirecracker: String? {
        let names = (try? FileTree.names(at: releasesPath)) ?? []
        let releases = names.compactMap { name in
            (name.hasPrefix("v") ? NumericVersion(name.dropFirst(), parts: 3...3) : nil).map { ($0, name) }
        }
        return releases.sorted { $0.0 > $1.0 }.map { "\(releasesPath)/\($0.1)/firecracker" }.first(
            where: File.isExecutable)
    }

    /// What the probe of KVM has said in this boot of the host.
    var kvmProbePath: String { "\(path)/kvm-probe" }
}
