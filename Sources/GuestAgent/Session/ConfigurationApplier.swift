internal import GuestProtocol
internal import Linux

/// What became of a configuration: a sentence for each thing that failed.
struct ConfigurationOutcome {
    var problems: [String] = []
    /// Without these the guest is not what it is to be: file systems and network interfaces.
    var failures: [String] = []
}

/// Makes the guest the one that the host describes. Everything is tried; what fails is reported, and the rest is done all the same.
struct ConfigurationApplier {
    var modules: ModuleLoader
    /// What was mounted by an earlier configuration.
    private var mounted: [Configuration.Mount] = []

    /// Where something was mounted by a configuration.
    var mountPaths: [String] { mounted.map(\.path) }

    init(modules: ModuleLoader) {
        self.modules = modules
    }

    mutating func apply(_ configuration: Configuration) -> ConfigurationOutcome {
        var problems: [String] = []
        var failures: [String] = []
        // Randomness first: whatever runs next may draw on it.
        if !configuration.entropySeed.isEmpty {
            attempt("random seed", &problems) { () throws(Errno) in try Machine.addEntropy(configuration.entropySeed) }
        }
        if let time = configuration.wallClockNanoseconds {
            attempt("wall clock", &problems) { () throws(Errno) in try Clock.setRealtime(nanoseconds: time) }
        }
        if let hostname = configuration.hostname { apply(hostname: hostname, &problems) }
        if let machineID = configuration.machineID { apply(machineID: machineID, &problems) }
        applyInterfaces(configuration, &failures)
        applyNames(configuration, &problems)
        for mount in configuration.mounts where !mounted.contains(mount) { apply(mount, &failures) }
        return ConfigurationOutcome(problems: problems, failures: failures)
    }

    private func apply(hostname: String, _ problems: inout [String]) {
        // The name goes into files that hold other words, too.
        let isName = !hostname.isEmpty && hostname.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
        guard isName, hostname.utf8.count <= 64 else {
            problems.append("hostname \(hostname): not 1 to 64 printable ASCII characters without blanks")
            return
        }
        attempt("hostname \(hostname)", &problems) { () throws(Errno) in try Machine.setHostname(hostname) }
        attempt("/etc/hostname, /etc/hosts", &problems) { () throws(Errno) in
            try File.write(Array((hostname + "\n").utf8), to: "/etc/hostname", mode: 0o644)
            let hosts = (try? File.readText("/etc/hosts")) ?? ""
            try File.write(Array(NameFiles.hosts(hosts, hostname: hostname).utf8), to: "/etc/hosts", mode: 0o644)
        }
    }

    private func apply(machineID: String, _ problems: inout [String]) {
        let isID =
            machineID.utf8.count == 32
            && machineID.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard isID else {
            problems.append("machine ID \(machineID): not 32 lower-case hexadecimal digits")
            return
        }
        attempt("/etc/machine-id", &problems) { () throws(Errno) in
            try File.write(Array((machineID + "\n").utf8), to: "/etc/machine-id", mode: 0o444)
        }
    }

    private func applyInterfaces(_ configuration: Configuration, _ failures: inout [String]) {
        if configuration.interfaces.isEmpty { return }
        do throws(Errno) {
            var configurator = try NetworkConfigurator()
            for interface in configuration.interfaces {
                // Its driver may be one of the late modules; the rest of those can wait.
                while !configurator.isPresent(interface), modules.loadNextLate() {}
                failures += configurator.apply(interface)
            }
        } catch {
            failures.append("network: \(error)")
        }
    }

    private func applyNames(_ configuration: Configuration, _ problems: inout [String]) {
        if !configuration.nameServers.isEmpty || !configuration.searchDomains.isEmpty {
            let text = NameFiles.resolver(
                nameServers: configuration.nameServers, searchDomains: configuration.searchDomains)
            attempt("/etc/resolv.conf", &problems) { () throws(Errno) in
                // In many images it is a link to a file that only systemd-resolved makes.
                try? FileTree.remove("/etc/resolv.conf")
                try File.write(Array(text.utf8), to: "/etc/resolv.conf", mode: 0o644)
            }
        }
    }

    private mutating func apply(_ mount: Configuration.Mount, _ failures: inout [String]) {
        do throws(BootFailure) {
            let device = BlockDevice(path: mount.device)
            try device.waitUntilPresent()
            do throws(Errno) {
                try FileTree.makeDirectories(mount.path)
            } catch {
                throw BootFailure("mount point \(mount.path): \(error)")
            }
            try device.mount(at: mount.path, type: mount.fileSystemType, readOnly: mount.readOnly, modules: modules)
            mounted.append(mount)
        } catch {
            failures.append("\(mount.path): \(error.message)")
        }
    }

    private func attempt(_ what: String, _ problems: inout [String], _ body: () throws(Errno) -> Void) {
        do throws(Errno) { try body() } catch { problems.append("\(what): \(error)") }
    }
}
