internal import Glibc

/// The variables that this process was started with.
public enum EnvironmentVariable {
    /// The value, or nil if there is no such variable.
    public static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
