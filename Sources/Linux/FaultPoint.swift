internal import Glibc
internal import Synchronization

/// Places where a test has a process be killed, or stopped so that it can kill another. In debug builds only:
/// `SMARTVM_FAULT=NAME:SIGNAL` sends the process a signal the first time that it comes to the place of this name, `NAME:SIGNAL:N` the Nth time.
public enum FaultPoint {
    public static let variable = "SMARTVM_FAULT"

    #if DEBUG
        private struct Fault {
            var name: String
            var signal: Int32
            var occurrence: Int32
        }

        private static let fault: Fault? = {
            let parts = (EnvironmentVariable.value(variable) ?? "").split(separator: ":")
            guard parts.count >= 2, let signal = Int32(parts[1]) else { return nil }
            return Fault(
                name: String(parts[0]), signal: signal, occurrence: parts.count > 2 ? Int32(parts[2]) ?? 1 : 1)
        }()
        private static let arrivals = Atomic<Int32>(0)
    #endif

    /// The process has come to a place.
    public static func reach(_ name: @autoclosure () -> String) {
        #if DEBUG
            guard let fault, fault.name == name(), arrivals.add(1, ordering: .relaxed).newValue == fault.occurrence
            else { return }
            kill(getpid(), fault.signal)
        #endif
    }

    /// What a process that this one starts must have in its environment to come to its places, too.
    public static var environment: [String] {
        #if DEBUG
            EnvironmentVariable.value(variable).map { ["\(variable)=\($0)"] } ?? []
        #else
            []
        #endif
    }
}
