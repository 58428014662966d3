internal import Glibc

/// Standard error, for what nobody has asked to be told otherwise.
enum WarningOutput {
    static func write(_ sentence: String) {
        let line = Array("smartvm: \(sentence)\n".utf8)
        // A warning that nobody can read hinders nobody.
        _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
