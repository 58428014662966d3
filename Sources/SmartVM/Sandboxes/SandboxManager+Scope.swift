internal import FirecrackerClient
internal import Linux

/// A pipe of which a supervisor has one end and this process the other: when the process ends, in whatever way, its VM is stopped.
final class SandboxLeash: Sendable {
    private let pipe: Pipe

    /// The end that the supervisor gets.
    var heldEnd: Int32 { pipe.read.rawValue }

    init() throws(SmartVMError) {
        do throws(Errno) {
            pipe = try Pipe()
        } catch {
            throw SmartVMError(
                .supervisorFailed, "A pipe to the supervisor cannot be made: \(error).", underlying: error)
        }
    }
}

extension SandboxManager {
    /// Makes a sandbox and starts it, gives it to `body`, and stops and removes it however `body` ends. If this process is killed meanwhile, its
    /// supervisor stops it, and whoever looks next removes it.
    ///
    /// - Parameters:
    ///   - config: What it is to be; it is removed at its end in any case.
    ///   - imageProgress: Told of the steps if the image must be made first.
    ///   - body: Uses the sandbox, which runs.
    /// - Throws: As ``create(_:)`` and ``Sandbox/start(_:)`` do; what `body` throws.
    public func withSandbox<Result>(
        _ config: SandboxConfig, _ imageProgress: @escaping ImageProgress.Handler = { _ in },
        _ body: (Sandbox) async throws -> Result
    ) async throws -> Result {
        var config = config
        config.removesAtEnd = true
        config.restart = .never
        let leash = try SandboxLeash()
        let sandbox = try await create(config, isScoped: true)
        do {
            try await sandbox.start(leash: leash, imageProgress)
            let result = try await body(sandbox)
            await end(sandbox, leash)
            return result
        } catch {
            await end(sandbox, leash)
            throw error
        }
    }

    /// Its guest is asked, so that its file systems are whole. Goes on if the task was cancelled.
    private func end(_ sandbox: Sandbox, _ leash: SandboxLeash) async {
        await Task {
            try? await sandbox.stop()
            try? await sandbox.remove(force: true)
        }.value
        withExtendedLifetime(leash) {}
    }
}
