internal import Glibc

/// Places where a test has a process be killed, or stopped so that it can kill another. In debug builds only:
/// `SMARTVM_FAULT=NAME:SIGNAL` sends the process a signal the first time that it comes to the place of this name.
public enum FaultPoint {
    public static let variable = "SMARTVM_FAULT"

    /// The process has come to a place.
    public static func reach(_ name: @autoclosure () -> String) {
        #if DEBUG
            guard let fault = EnvironmentVariable.value(variable) else { return }
            let parts = fault.split(separator: ":")
            guard parts.count == 2, parts[0] == name(), let signal = Int32(parts[1]) else { return }
            unsetenv(variable)
            kill(getpid(), signal)
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
