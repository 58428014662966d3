internal import SupervisorProtocol

/// Takes what a command prints.
protocol CommandOutput: AnyObject {
    func append(_ bytes: [UInt8], _ stream: LogRecord.Stream)
    /// No more comes.
    func finish()
}
