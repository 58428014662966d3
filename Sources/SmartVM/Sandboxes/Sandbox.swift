internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux
internal import SupervisorProtocol

/// A VM that has a name, outlives the process that made it, and can be started again: what ``SandboxManager`` makes and finds.
///
/// A ``MicroVM`` lives once; each start of a sandbox is one life. This value is a handle, of which there may be any number in any
/// process; nothing happens to the sandbox when it goes away.
public struct Sandbox: Sendable {
    /// 12 hexadecimal digits.
    public let id: String
    let manager: SandboxManager
    /// Whether it is this process's alone until it runs.
    var isScoped = false

    var directory: SandboxDirectory { manager.directory(id) }
    var controlPath: String { "\(manager.runtimePath(id))/\(ControlRequest.socketName)" }
    /// Where the VMM takes connections to the guest.
    var vsockPath: String { "\(manager.runtimePath(id))/vsock.sock" }

    /// What it is now.
    ///
    /// - Throws: `NO_SUCH_VM` if it was removed.
    public var info: SandboxInfo {
        get async throws {
            let manager = manager
            let id = id
            let info = try await BlockingWork.run {
                let connection = try manager.store.vmConnections(of: id)[id]
                return try manager.store.vm(id).flatMap { try manager.presentInfo($0, connection) }
            }
            guard let info else { throw SmartVMError.noSuchVM(id) }
            return info
        }
    }

    /// What it was made with.
    ///
    /// - Throws: `NO_SUCH_VM` if it was removed.
    public var config: SandboxConfig {
        get async throws { try Self.decodedConfig(of: try await storedRecord()) }
    }

    static func decodedConfig(of record: VMRecord) throws -> SandboxConfig {
        try JSONDecoder().decode(SandboxConfig.self, from: Data(record.config.utf8))
    }

    /// Whether it is removed when its life is over.
    static func removesAtEnd(_ record: VMRecord) -> Bool {
        // Of the thousand that a list reads few have it, and reading their whole configurations takes time.
        record.config.contains("\"removesAtEnd\":true") && (try? decodedConfig(of: record))?.removesAtEnd == true
    }

    func storedRecord() async throws -> VMRecord {
        let store = manager.store
        let id = id
        guard let record = try await BlockingWork.run({ try store.vm(id) }) else { throw SmartVMError.noSuchVM(id) }
        return record
    }

    /// The right to change it, and what it is then.
    func takeLock() async throws -> (lock: SandboxLock, record: VMRecord) {
        let manager = manager
        let directory = directory
        let id = id
        let isScoped = isScoped
        return try await BlockingWork.wait {
            let lock = try directory.lock()
            guard let record = try manager.reconcile(id) else {
                // The lock's file has made the directory anew.
                try directory.remove()
                throw SmartVMError.noSuchVM(id)
            }
            // Its maker has not taken the lock yet.
            guard record.phase != .creating || isScoped else {
                throw SmartVMError(
                    .invalidState, "VM \(record.name) is being made by another command.", cure: "Try again in a moment."
                )
            }
            return (lock, record)
        }
    }

    // MARK: While it runs

    /// Stops its vCPUs.
    ///
    /// - Throws: `INVALID_STATE` unless it runs; `NO_SUCH_VM`.
    public func pause() async throws {
        try await ask(ControlRequest(.pause), try await storedRecord())
    }

    /// Lets its vCPUs run on, and sets the guest's clock.
    ///
    /// - Throws: `INVALID_STATE` unless it is paused; `NO_SUCH_VM`.
    public func unpause() async throws {
        try await ask(ControlRequest(.unpause), try await storedRecord())
    }

    /// Gives it another name. Its guest keeps its host name until the next start.
    ///
    /// - Throws: `NAME_IN_USE`; `INVALID_CONFIG` if it cannot be a name; `NO_SUCH_VM`.
    public func rename(to name: String) async throws {
        let (lock, record) = try await takeLock()
        defer { withExtendedLifetime(lock) {} }
        var config = try Self.decodedConfig(of: record)
        config.vm.id = name
        try config.vm.requireValid()
        let text = try config.storedText
        let manager = manager
        let id = id
        let directory = directory
        try await BlockingWork.wait {
            let now = try manager.store.update(
                vm: id, "rename", ["oldName": record.name], connection: .rename(to: name)
            ) { record in
                record.name = name
                record.config = text
            }
            // On a full disk the next start does it.
            if let now { try? RowCopy(now).write(to: directory) }
            try manager.networks.rename(id, to: name)
        }
    }

    func ask(_ request: ControlRequest, _ record: VMRecord) async throws {
        guard record.phase == .active, record.owner?.open() != nil else { throw notRunning(record) }
        let path = controlPath
        let answer = try await BlockingWork.run {
            try SupervisorControl.ask(request, at: path, limit: .seconds(10))
        }
        if let error = answer.error {
            throw SmartVMError(
                .invalidState, "VM \(record.name) cannot do \(request.action.rawValue): \(error).",
                cure: "See `smartvm ps -a`.")
        }
    }

    func notRunning(_ record: VMRecord) -> SmartVMError {
        SmartVMError(
            .invalidState, "VM \(record.name) is not running.", cure: "Start it: smartvm start \(record.name)")
    }

    // MARK: Commands

    /// Runs a command in the guest; the command is killed when `body` returns before it has ended.
    ///
    /// - Throws: `INVALID_STATE` unless it runs, `GUEST_UNREACHABLE`, `GUEST_PROTOCOL`, `NO_SUCH_VM`; what `body` throws.
    public func withProcess<Result>(
        _ command: GuestCommand, _ body: (GuestProcess) async throws -> Result
    ) async throws -> Result {
        _ = try await runningInfo("it runs no command")
        return try await GuestProcess.run(command, by: vsockPath, body)
    }

    /// What it is now, if its guest runs.
    ///
    /// - Parameter consequence: What cannot be done otherwise, as the end of a sentence.
    /// - Throws: `INVALID_STATE` unless it runs; `NO_SUCH_VM`.
    func runningInfo(_ consequence: String) async throws -> SandboxInfo {
        let info = try await info
        guard info.state == .running else {
            throw SmartVMError(
                .invalidState, "VM \(info.name) is \(info.state.rawValue): \(consequence) now.",
                cure: info.state == .paused
                    ? "Let it run on: smartvm unpause \(info.name)" : "Start it: smartvm start \(info.name)")
        }
        return info
    }

    /// Runs a command in the guest to its end and collects what it prints.
    ///
    /// - Parameters:
    ///   - command: What runs, as whom, where.
    ///   - input: Its standard input, if the command has one.
    ///   - limit: How many bytes of output are kept, of each stream; the rest is read and dropped. Default: 16 MiB.
    /// - Throws: As ``withProcess(_:_:)``.
    public func exec(
        _ command: GuestCommand, input: [UInt8]? = nil, limit: Int = 16 << 20
    ) async throws -> GuestCommandResult {
        try await withProcess(command) { try await $0.collectOutput(input: input, limit: limit) }
    }
}

extension SandboxConfig {
    /// As a row has it.
    var storedText: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// Whether the guest runs the agent: it does with an image's initramfs, and must with one of the user's own.
    var hasAgent: Bool { vm.image != nil || vm.bootSource?.initrdPath != nil }
}
