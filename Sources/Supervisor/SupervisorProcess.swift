internal import FirecrackerAPI
internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// The program `smartvm-supervisor`: its one argument is a plan.
public enum SupervisorProcess {
    /// What its starter gives it beside the standard streams.
    private static let reportDescriptor: Int32 = 3

    private static let signals: [Int32] = [SIGTERM, SIGINT, SIGHUP]

    /// Runs the VM until it is over.
    ///
    /// - Returns: The process's exit status.
    public static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count == 1, arguments[0].hasPrefix("/") else {
            say("usage: smartvm-supervisor PLAN; smartvm starts it for each VM that outlives its command")
            return 2
        }
        SignalMask.block(signals)
        SignalMask.ignoreBrokenPipe()
        do {
            let plan = try SupervisorPlan(decoding: try File.read(arguments[0]))
            try Supervision(plan, report: Descriptor(owning: reportDescriptor), signals: signals).run()
            return 0
        } catch {
            say("\(arguments[0]): \(error)")
            return 1
        }
    }

    /// Notes something in the supervisor's log.
    static func say(_ message: String) {
        try? Descriptor.duplicate(2).writeAll(Array("smartvm-supervisor: \(message)\n".utf8))
    }
}
