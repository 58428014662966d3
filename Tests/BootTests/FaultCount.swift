import Synchronization

/// The figure of the suites that inject faults: printed after each of their tests, the last line is that of all.
enum FaultCount {
    private static let counts = Mutex((faults: 0, leaks: 0, lies: 0))

    static func add(faults: Int = 1, leaks: [String] = [], lies: [String] = []) {
        counts.withLock { counts in
            counts.faults += faults
            counts.leaks += leaks.count
            counts.lies += lies.count
        }
    }

    static func report() {
        let now = counts.withLock { $0 }
        print("faults injected: \(now.faults), leaks: \(now.leaks), lies: \(now.lies)")
    }
}
