/// How the process ends, and what it says about it.
enum ProcessEnd: Error {
    case success
    /// A sentence for the log, and Rust's `Debug` form of it, which Firecracker prints to standard error.
    case failure(status: Int32, sentence: String, debugText: String)
    /// A caught signal: the process says nothing more.
    case signal(status: Int32)
    /// A signal that ends the process as if it had not been caught, once the machine is gone.
    case uncaught(signal: Int32)

    static let genericStatus: Int32 = 1
    static let badConfigurationStatus: Int32 = 152
    static let badArgumentsStatus: Int32 = 153

    static func generic(_ sentence: String, _ debugText: String) -> ProcessEnd {
        .failure(status: genericStatus, sentence: sentence, debugText: debugText)
    }
}
