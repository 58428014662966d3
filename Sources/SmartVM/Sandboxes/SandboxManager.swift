internal import FirecrackerClient
internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// Makes, finds and lists VMs that outlive the process that made them: see ``Sandbox``.
///
/// Theory of operation. There is no daemon. What must be found again stands in the database of the data directory: a row for each
/// sandbox, committed before the effect that it announces and removed after the effect has been undone. While a sandbox runs, a
/// process of its own, the supervisor, is the parent of its VMM; the row names it by pid, start time and boot of the host. So what a
/// row says can be checked: where the named process lives, the state that it has written down is true; where it does not, the sandbox
/// has ended, and whoever looks first takes back what is left and writes down how it ended. Several processes may do all of
/// this at once: a lock for each sandbox lets them take turns, and the kernel drops it when its holder is killed.
public final class SandboxManager: Sendable {
    let host: MicroVMHost
    let store: Store
    let networks: GuestNetworks
    let step: @Sendable (SandboxStep) -> Void

    /// - Parameter step: Called after each effect.
    init(_ host: MicroVMHost, step: @escaping @Sendable (SandboxStep) -> Void = SandboxStep.reach) {
        self.host = host
        self.step = step
        store = Store(path: host.dataDirectory.databasePath)
        networks = GuestNetworks(host.networkManager.options, store: store, dataDirectory: host.dataDirectory.path)
    }

    /// Makes a sandbox, which does not run yet: a row in the database, a directory, its disk if it is to have one, and volumes that it
    /// names and that are not there. Relative paths of this host are those of the directory in which this process works now.
    ///
    /// - Throws: `INVALID_CONFIG` with all that is wrong; `NAME_IN_USE`; `PROGRAM_NOT_FOUND` if a disk is wanted and there is no `mke2fs`;
    ///   `NO_SPACE`, `DATA_DIRECTORY_UNUSABLE`, `STORE_UNUSABLE`.
    public func create(_ config: SandboxConfig) async throws -> Sandbox {
        try await create(config, isScoped: false)
    }

    /// - Parameter isScoped: Whether it is this process's alone until it runs: one that is killed before leaves nothing.
    func create(_ config: SandboxConfig, isScoped: Bool) async throws -> Sandbox {
        var config = try config.settled()
        let id = GuestIdentity.randomHexadecimal(bytes: 6)
        let name = config.vm.id ?? "vm-" + GuestIdentity.randomHexadecimal(bytes: 5)
        config.vm.id = name
        try Self.check(config, hasJailer: host.jailer != nil)
        let record = VMRecord(
            id: id, name: name, phase: .creating, owner: try ProcessIdentity(of: getpid()),
            config: try config.storedText, image: config.vm.image ?? "",
            command: config.command?.arguments.joined(separator: " ") ?? "",
            machineID: GuestIdentity.randomHexadecimal(bytes: 16), createdAt: Int64(clamping: Clock.realtimeNanoseconds)
        )
        let store = store
        let directory = SandboxDirectory(id, in: host.dataDirectory)
        let uses = config.volumes.map { VolumeUseRecord(source: $0.source, isReadOnly: $0.isReadOnly) }
        for volume in config.volumes where volume.isFile {
            try await BlockingWork.run { try volume.checkFile(volume.source) }
        }
        let named = config.networks ?? []
        step(.creating)
        let dataDirectory = host.dataDirectory
        try await BlockingWork.run {
            try SmartVMError.requireSpace(in: dataDirectory)
            try store.insert(record, volumes: uses, networks: named)
        }
        step(.recordWritten)
        do {
            let lock = try await BlockingWork.wait { try directory.lock() }
            defer { withExtendedLifetime(lock) {} }
            step(.directoryMade)
            if let size = config.diskSize {
                try await SparseDisk(path: directory.diskPath).make(size: size)
                step(.diskMade)
            }
            for volume in config.volumes where !volume.isFile { try await ensureVolume(volume.source) }
            try await BlockingWork.run { try RowCopy(record).write(to: directory) }
            step(.copyWritten)
            if !isScoped {
                try await BlockingWork.run {
                    _ = try store.update(vm: id) { record in
                        record.phase = .idle
                        record.owner = nil
                    }
                }
            }
        } catch {
            await BlockingWork.run {
                try? directory.remove()
                try? store.delete(vm: id)
            }
            throw error
        }
        step(.created)
        return Sandbox(id: id, manager: self, isScoped: isScoped)
    }

    private static func check(_ config: SandboxConfig, hasJailer: Bool) throws(SmartVMError) {
        try config.vm.requireValid()
        _ = try config.command?.request()
        try config.checkLife()
        if hasJailer {
            throw SmartVMError(
                .invalidConfiguration, "Sandboxes are not jailed yet.", cure: "Leave the jailer out of the options.")
        }
        try config.checkNetworks()
        if let path = config.vm.vsock?.udsPath {
            throw SmartVMError(
                .invalidConfiguration, "A sandbox has its vsock socket in a directory of its own, not at \(path).",
                cure: "Leave vsock.udsPath out.")
        }
        if let size = config.diskSize {
            guard size >= SparseDisk.minimumSize else {
                throw SmartVMError(
                    .invalidConfiguration, "A disk of \(size) bytes is too small.",
                    cure: "Give it at least \(SparseDisk.minimumSize >> 20) MiB.")
            }
            guard config.vm.bootSource?.bootArgs == nil else {
                throw SmartVMError(
                    .invalidConfiguration, "A sandbox with a disk needs the image's kernel arguments.",
                    cure: "Leave bootSource.bootArgs out, or the disk.")
            }
        }
    }

    /// The sandbox of this name, or the one whose id begins so.
    ///
    /// - Throws: `NO_SUCH_VM`, also if the beginning is that of several.
    public func get(_ nameOrID: String) async throws -> Sandbox {
        let store = store
        let records = try await BlockingWork.run { try store.vms(meantBy: nameOrID) }
        guard let record = records.first else { throw SmartVMError.noSuchVM(nameOrID) }
        _ = try? await networks.takeBack(record.id)
        guard records.count == 1 else {
            throw SmartVMError(
                .noSuchVM, "Several VMs have ids that begin with \(nameOrID).", cure: "Give more of it, or the name.")
        }
        // A making or removing that was cut short is finished now.
        guard try await BlockingWork.run({ [self] in try presentInfo(record) }) != nil else {
            throw SmartVMError.noSuchVM(nameOrID)
        }
        return Sandbox(id: record.id, manager: self)
    }

    /// The names of all sandboxes, as the database has them: quick, and nothing is put right.
    public func names() async throws -> [String] {
        let store = store
        return try await BlockingWork.run { try store.vmNames() }
    }

    /// All sandboxes, the newest first.
    ///
    /// - Parameters:
    ///   - all: Whether those that do not run are among them. Default: only those that do, and those that are ``SandboxInfo/State/dead``.
    ///   - problem: Told what keeps a sandbox from being put right; the list goes on, with what is known of it.
    public func list(
        all: Bool = false, problem: @Sendable (SmartVMError) -> Void = { _ in }
    ) async throws -> [SandboxInfo] {
        _ = try? await networks.takeBack()
        let (infos, problems) = try await BlockingWork.run { [self] in
            var problems: [SmartVMError] = []
            let records = try store.vms()
            let connections = try store.vmConnections()
            let overview = try networks.overview()
            if let lost = try lostRows(among: strays(besides: records)) { problems.append(lost) }
            let infos = try records.compactMap { record in
                do {
                    return try presentInfo(record, connections[record.id], overview)
                } catch let error as SmartVMError {
                    problems.append(error)
                    return presentInfo(unreconciled: record)
                }
            }
            return (infos, problems)
        }
        for error in problems { problem(error) }
        return all ? infos : infos.filter { $0.state.isActive || $0.state == .dead }
    }

    func directory(_ id: String) -> SandboxDirectory {
        SandboxDirectory(id, in: host.dataDirectory)
    }

    func runtimePath(_ id: String) -> String { "\(host.directories.path)/\(id)" }
}
