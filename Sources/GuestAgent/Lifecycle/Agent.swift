internal import Glibc
internal import GuestProtocol
internal import Linux

/// The first process of a microVM: brings it up, serves its host, and takes it down.
///
/// A boot has two halves. The generic one (`BootSequence`) depends on the image and the machine alone. The personal one (a
/// `Configuration`) comes from the host by vsock (`HostSession`); between the two a snapshot can be taken from which any number of
/// guests start. After that the host runs commands (`ExecServer`). All of it happens on one thread in one loop (`EventLoop`).
public final class Agent {
    /// The version of the agent, as the host hears it.
    public static let version = "0.1.0"

    /// What the first process is told by signals; Ctrl-Alt-Del is a SIGINT.
    private static let signals: [Int32] = [SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGHUP]

    /// Runs as the first process of a machine, and never returns: the machine is reset at the end.
    public static func runAsInit() -> Never {
        guard getpid() == 1 else {
            Console.say("runs only as the first process of a microVM: make it /init of an initramfs")
            exit(1)
        }
        SignalMask.block(signals)
        SignalMask.ignoreBrokenPipe()
        do throws(BootFailure) {
            try bootAndServe()
        } catch {
            Console.say(error.message)
            Console.say("the guest cannot go on; the machine stops")
            ShutdownSequence.stopMachine(layer: nil)
        }
        // The kernel panics when its first process ends.
        while true { pause() }
    }

    private static func bootAndServe() throws(BootFailure) {
        var boot = BootSequence()
        let result = try boot.run()
        do throws(Errno) {
            try Services(
                signals: signals, modules: result.modules, clock: boot.clock, initramfsIsRoot: result.root.isInitramfs
            ).run()
        } catch {
            throw BootFailure(
                "the host cannot be reached: \(error); give the machine a vsock device and the kernel its driver "
                    + "(vmw_vsock_virtio_transport)")
        }
        ShutdownSequence.stopMachine(layer: result.root.layer)
    }
}
