internal import CLinux
internal import Glibc

/// The machine as its first process handles it.
public enum Machine {
    /// As `uname -r` says it.
    public static var kernelRelease: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: &name.release) { text($0) }
    }

    /// As `uname -m` says it: `x86_64`, `aarch64`, …
    public static var architecture: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: &name.machine) { text($0) }
    }

    private static func text(_ field: UnsafeRawBufferPointer) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Loads the kernel module in an open file. Loaded already: `fileExists`.
    ///
    /// - Parameter compressed: The file is compressed in a way that the kernel can undo by itself.
    public static func loadModule(_ file: borrowing Descriptor, compressed: Bool = false) throws(Errno) {
        let value = file.rawValue
        try systemCall { clinux_finit_module(value, "", compressed ? CLINUX_MODULE_COMPRESSED : 0) }
    }

    public static func setHostname(_ name: String) throws(Errno) {
        try systemCall { sethostname(name, name.utf8.count) }
    }

    /// Mixes random bytes (512 are used at most) into the kernel's generator, credits them, and has it draw on them from now on.
    public static func addEntropy(_ bytes: [UInt8]) throws(Errno) {
        let device = try Descriptor.open("/dev/urandom", O_RDWR)
        let value = device.rawValue
        try systemCall { bytes.withUnsafeBytes { clinux_add_entropy(value, $0.baseAddress, $0.count) } }
        try systemCall { clinux_ioctl(value, CLINUX_RNDRESEEDCRNG, 0) }
    }

    /// Flushes every file system.
    public static func sync() {
        Glibc.sync()
    }

    /// Ctrl-Alt-Del becomes a SIGINT for the first process instead of an instant reset.
    public static func disableInstantReset() throws(Errno) {
        try systemCall { clinux_reboot(CLINUX_RB_DISABLE_CAD) }
    }

    /// Resets the machine at once; nothing is flushed. Returns only on failure.
    public static func reset() throws(Errno) {
        try systemCall { clinux_reboot(CLINUX_RB_AUTOBOOT) }
    }

    /// Puts this process before those of normal priority, but not the ones that it starts.
    ///
    /// - Parameter nice: -20 to -1.
    public static func raisePriority(nice: Int32) throws(Errno) {
        try systemCall { clinux_raise_priority(nice) }
    }

    /// Limits the number of descriptors of this process and those that it starts.
    public static func setDescriptorLimit(soft: UInt, hard: UInt) throws(Errno) {
        var limit = rlimit(rlim_cur: rlim_t(soft), rlim_max: rlim_t(hard))
        try systemCall { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
    }
}

/// The kernel's clocks in whole numbers.
public enum Clock {
    /// Nanoseconds since the machine started, without pauses.
    public static var monotonicNanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// When so much time will have passed, as ``monotonicNanoseconds`` counts: never, which is its largest value, if it does not count so far.
    public static func deadline(afterMilliseconds milliseconds: UInt64) -> UInt64 {
        let (nanoseconds, isTooMuch) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (deadline, isTooLate) = monotonicNanoseconds.addingReportingOverflow(nanoseconds)
        return isTooMuch || isTooLate ? .max : deadline
    }

    /// The time of day: nanoseconds since 1970-01-01 00:00 UTC.
    public static var realtimeNanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The time of day at which this machine was started.
    public static var bootNanoseconds: UInt64? {
        var time = timespec()
        guard clock_gettime(CLOCK_BOOTTIME, &time) == 0 else { return nil }
        let uptime = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        let now = realtimeNanoseconds
        return now > uptime ? now - uptime : nil
    }

    /// Sets the time of day: nanoseconds since 1970-01-01 00:00 UTC.
    public static func setRealtime(nanoseconds: UInt64) throws(Errno) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        try systemCall { clock_settime(CLOCK_REALTIME, &time) }
    }
}
