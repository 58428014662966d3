internal import FirecrackerClient
internal import Glibc
internal import Linux

/// Looks at everything that running a VM needs, by trying it where that is possible, and says of each thing that is missing which
/// command mends it.
public struct Doctor: Sendable {
    private let environment: HostEnvironment
    private let dataDirectory: Result<DataDirectory, SmartVMError>
    private let selection: VMMSelection

    /// - Parameters:
    ///   - environment: Where programs are looked for. Default: that of this process.
    ///   - dataDirectory: Nil: that of the environment.
    ///   - selection: The VMM that is asked for.
    public init(
        dataDirectory: DataDirectory? = nil, selection: VMMSelection = .automatic,
        environment: HostEnvironment = .current
    ) {
        self.environment = environment
        self.selection = selection
        if let dataDirectory {
            self.dataDirectory = .success(dataDirectory)
        } else {
            do throws(SmartVMError) {
                self.dataDirectory = .success(try DataDirectory(environment))
            } catch {
                self.dataDirectory = .failure(error)
            }
        }
    }

    /// Takes a tenth of a second; makes the data directory if it is missing.
    public func examine() async -> DoctorReport {
        let directory = checkDataDirectory()
        let probe = KVMProbe.measure()
        var vmm: VMM?
        var checks: [DoctorReport.Check] = []
        // With a directory that cannot be used, the choice itself can still be told.
        let place = (try? dataDirectory.get()) ?? DataDirectory(path: "/nonexistent")
        do throws(SmartVMError) {
            let found = try selection.resolve(in: place, environment: environment, probe: probe)
            vmm = found
            checks.append(.init("vmm", .ok, "\(found.kind.rawValue), \(found.path). \(found.reason)"))
        } catch {
            checks.append(.init("vmm", .failed, error.message, cure: error.cure))
        }
        checks.append(checkKVM(probe, isNeeded: vmm?.kind == .firecracker))
        checks.append(await checkQEMU(isNeeded: vmm?.kind == .qemu))
        checks.append(checkVsock(isNeeded: vmm?.kind == .qemu))
        checks.append(checkAgent())
        checks.append(directory)
        let image = checkImage(place)
        checks.append(image)
        checks.append(checkTools(isNeeded: image.status != .ok))
        checks.append(checkSpace(place, isNeeded: image.status != .ok))
        checks.append(checkMemory())
        checks.append(checkTUN())
        checks.append(checkNftables())
        return DoctorReport(
            vmm: vmm.map { .init(kind: $0.kind.rawValue, path: $0.path, reason: $0.reason) },
            kvmInstructionsPerSecond: probe.instructionsPerSecond, checks: checks)
    }
}

/// The checks, in the order of the report.
extension Doctor {
    private func checkKVM(_ probe: KVMProbe, isNeeded: Bool) -> DoctorReport.Check {
        if probe.isUsable { return .init("kvm", .ok, probe.reason) }
        var cure: String?
        if case .unavailable(_, let known) = probe.judgement { cure = known }
        return isNeeded
            ? .init("kvm", .failed, probe.reason, cure: cure)
            : .init("kvm", .warning, "\(probe.reason) QEMU emulates a CPU instead.", cure: cure)
    }

    private func checkQEMU(isNeeded: Bool) async -> DoctorReport.Check {
        let tool = Tool(
            name: HostEnvironment.qemuSystem, purpose: "run guests without KVM", package: HostEnvironment.qemuPackage)
        let bad: DoctorReport.Check.Status = isNeeded ? .failed : .warning
        do {
            let text = try await tool.run(["--version"])
            // "QEMU emulator version 7.2.22 (Debian ...)"
            let version = text.split(separator: "\n").first?.split(separator: " ").dropFirst(3).first.map(String.init)
            guard let version, let major = version.split(separator: ".").first.flatMap({ Int($0) }) else {
                return .init(
                    "qemu", bad, "\(tool.name) does not say its version.", cure: "sudo apt-get install \(tool.package)")
            }
            guard major >= 7 else {
                return .init(
                    "qemu", bad, "QEMU \(version) is too old: 7.2 is needed.",
                    cure: "sudo apt-get install \(tool.package)")
            }
            return .init("qemu", .ok, "QEMU \(version)")
        } catch let error as SmartVMError {
            return .init("qemu", bad, error.message, cure: error.cure)
        } catch {
            return .init(
                "qemu", bad, "\(tool.name) cannot be run: \(error).", cure: "sudo apt-get install \(tool.package)")
        }
    }

    private func checkVsock(isNeeded: Bool) -> DoctorReport.Check {
        do throws(VsockSupport.Obstacle) {
            try VsockSupport.probe()
            return .init("vsock", .ok, "seccomp notification, pidfd_getfd and process_vm_readv work")
        } catch {
            let scope = (try? File.readText("/proc/sys/kernel/yama/ptrace_scope"))?.first
            let cure =
                if let scope, scope != "0", scope != "1" {
                    "sudo sysctl kernel.yama.ptrace_scope=1"
                } else if error.error == .notImplemented {
                    "sudo apt-get install --only-upgrade linux-image-\(MinimalImage.debianArchitecture)"
                } else {
                    "docker run --security-opt seccomp=unconfined ..., if this is a container"
                }
            return .init(
                "vsock", isNeeded ? .failed : .warning, "\(error.step) does not work here: \(error.error).", cure: cure)
        }
    }

    private func checkAgent() -> DoctorReport.Check {
        do throws(SmartVMError) {
            return .init("agent", .ok, try AgentBinary(environment).path)
        } catch {
            return .init("agent", .failed, error.message, cure: error.cure)
        }
    }

    private func checkDataDirectory() -> DoctorReport.Check {
        do throws(SmartVMError) {
            let directory = try dataDirectory.get()
            try directory.prepare()
            return .init("data", .ok, directory.path)
        } catch {
            return .init("data", .failed, error.message, cure: error.cure)
        }
    }

    private func checkImage(_ place: DataDirectory) -> DoctorReport.Check {
        let name = BaseImagePreset.minimal.rawValue
        do throws(SmartVMError) {
            let bundle = try BaseImageManager(place, environment: environment).image(named: name)
            return .init("image", .ok, "\(name): kernel \(bundle.ciVersion)")
        } catch {
            return .init(
                "image", .warning, "\(error.message) It is made when it is first needed.", cure: "smartvm image build")
        }
    }

    private func checkTools(isNeeded: Bool) -> DoctorReport.Check {
        let missing = Tool.forImages.filter { !$0.isInstalled }
        if missing.isEmpty { return .init("tools", .ok, "all that images are made with") }
        var packages: [String] = []
        for tool in missing where !packages.contains(tool.package) { packages.append(tool.package) }
        return .init(
            "tools", isNeeded ? .failed : .warning,
            "Images cannot be made without \(missing.map(\.name).joined(separator: ", ")).",
            cure: "sudo apt-get install \(packages.joined(separator: " "))")
    }

    private func checkSpace(_ place: DataDirectory, isNeeded: Bool) -> DoctorReport.Check {
        guard let space = try? FileSystemSpace(at: place.path) else {
            return .init("disk", .warning, "The free space of \(place.path) is not known.")
        }
        let detail = "\(space.available >> 20) MiB free for \(place.path)"
        let cure = "Set SMARTVM_DATA_DIR to a directory on a file system with more."
        if space.available < MinimalImage.spaceNeeded {
            return .init("disk", isNeeded ? .failed : .warning, detail, cure: cure)
        }
        return .init("disk", .ok, detail)
    }

    private func checkMemory() -> DoctorReport.Check {
        let line = (try? File.readText("/proc/meminfo"))?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        guard let line, let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            return .init("memory", .warning, "/proc/meminfo does not say how much is available.")
        }
        let detail = "\(kibibytes >> 10) MiB available"
        return kibibytes < 256 << 10
            ? .init("memory", .warning, detail, cure: "End other programs, or run with less: smartvm run --memory 64")
            : .init("memory", .ok, detail)
    }

    private func checkTUN() -> DoctorReport.Check {
        do throws(Errno) {
            _ = try Descriptor.open("/dev/net/tun", O_RDWR)
            return .init("tun", .ok, "/dev/net/tun")
        } catch {
            return .init(
                "tun", .warning, "VMs get no network: /dev/net/tun: \(error).",
                cure: error == .noSuchFile || error == .noSuchDevice
                    ? "sudo modprobe tun" : "Run smartvm as root (sudo) where VMs are to have a network.")
        }
    }

    private func checkNftables() -> DoctorReport.Check {
        guard environment.program("nft") != nil else {
            return .init(
                "nftables", .warning, "VMs are not reachable from outside, nor get there: nft is not installed.",
                cure: "sudo apt-get install nftables")
        }
        return .init("nftables", .ok, "nft")
    }
}
