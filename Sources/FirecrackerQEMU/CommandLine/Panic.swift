internal import FirecrackerAPI
internal import Glibc

/// Ends the process by SIGABRT, as what is a panic in Firecracker does, after one line in the log.
func panic(_ sentence: String, log: Log, file: String = #fileID, line: Int = #line) -> Never {
    log.log(.error, "Firecracker panicked at \(file):\(line):\n\(sentence)")
    abort()
}
