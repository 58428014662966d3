internal import Glibc
internal import Linux

/// Where a test has a process be killed, or stopped so that it can kill another: `SMARTVM_FAULT=STEP:SIGNAL`, in debug builds only.
enum SandboxFault {
    static let step: @Sendable (SandboxStep) -> Void = {
        #if DEBUG
            guard let fault = EnvironmentVariable.value("SMARTVM_FAULT") else { return { _ in } }
            let parts = fault.split(separator: ":")
            guard parts.count == 2, let chosen = SandboxStep(rawValue: String(parts[0])), let signal = Int32(parts[1])
            else { return { _ in } }
            return { step in if step == chosen { kill(getpid(), signal) } }
        #else
            return { _ in }
        #endif
    }()
}
