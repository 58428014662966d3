import Glibc
import Linux
import SmartVM
import Testing

/// A directory that a test makes for itself and removes at its end.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/smartvm-test-\(UInt64.random(in: 0...UInt64.max))"
    try #require(mkdir(path, 0o700) == 0)
    defer { try? FileTree.removeAll(path) }
    return try await body(path)
}

/// Whether `condition` comes true within `seconds`.
func eventually(seconds: Double = 5, _ condition: () throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return try condition()
}
