internal import Glibc
internal import GuestProtocol
internal import Linux
internal import SupervisorProtocol

/// The VMM's process: this one's child, which dies with it, and the pipe that the guest's console and the VMM's messages come by.
final class VMMChild {
    let process: ChildProcess
    let console: Descriptor
    private let identity: ProcessIdentity

    /// Starts it. It is written down in the runtime directory before it runs its first instruction, and what an earlier life has left
    /// there makes way.
    init(_ plan: SupervisorPlan) throws(Errno) {
        for path in [plan.apiSocket, plan.vsockSocket, plan.sessionSocket] { try? FileTree.remove(path) }
        let pipe = try Pipe()
        let input = try Descriptor.open("/dev/null", O_RDONLY)
        var spawn = Spawn(plan.vmm.path, arguments: [plan.vmm.path] + plan.vmm.arguments)
        spawn.environment = plan.vmm.environment
        spawn.workingDirectory = plan.runtimeDirectory
        spawn.descriptors = [input.rawValue, pipe.write.rawValue, pipe.write.rawValue]
        spawn.newSession = true
        // This process has one thread, which ends with it.
        spawn.deathSignal = SIGKILL
        let gated: Spawn.Gated
        do throws(Spawn.Failure) { gated = try spawn.startGated() } catch { throw error.errno }
        let child = gated.child
        SupervisorStep.vmmMade.reach()
        do throws(Errno) {
            identity = try ProcessIdentity(of: child.pid)
            try File.replace("\(plan.runtimeDirectory)/process", with: Array(identity.line.utf8))
            SupervisorStep.vmmWritten.reach()
            do throws(Spawn.Failure) { try gated.release() } catch { throw error.errno }
            SupervisorStep.vmmReleased.reach()
        } catch {
            child.kill(SIGKILL)
            _ = try? child.waitUntilExit()
            throw error
        }
        process = child
        console = pipe.read
        try console.setNonBlocking()
    }

    /// What there is to read now; nil if that is nothing, empty at the end of all writers.
    func readConsole() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        do throws(Errno) {
            let console = console.rawValue
            let count = try systemCall { bytes.withUnsafeMutableBytes { read(console, $0.baseAddress, $0.count) } }
            bytes.removeLast(bytes.count - count)
            return bytes
        } catch {
            return nil
        }
    }

    /// Waits until nothing of its session is left. It has ended.
    func endSession() {
        ProcessSession.kill(leader: identity, grace: .zero)
    }
}
