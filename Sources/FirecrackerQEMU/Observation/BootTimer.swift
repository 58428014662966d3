internal import Glibc
internal import Linux

/// How long a guest takes from InstanceStart until it writes to the boot timer, in Firecracker's words.
struct BootTimer {
    private let start = Clock.monotonicNanoseconds
    private let ownStart = BootTimer.processorTime(of: 0)

    /// - Parameter process: QEMU, whose processor time is the guest's.
    func report(process: Int32) -> String {
        let time = (Clock.monotonicNanoseconds - start) / 1000
        let used = (Self.processorTime(of: process) + Self.processorTime(of: 0) - ownStart) / 1000
        func padded(_ value: UInt64) -> String {
            let digits = String(value)
            return String(repeating: " ", count: max(0, 6 - digits.count)) + digits
        }
        return "Guest-boot-time = \(padded(time)) us \(time / 1000) ms, \(padded(used)) CPU us \(used / 1000) CPU ms"
    }

    /// Nanoseconds that a process has used; 0 is this one.
    private static func processorTime(of process: Int32) -> UInt64 {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
