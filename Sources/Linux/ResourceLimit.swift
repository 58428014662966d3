internal import Glibc

/// Limits of this process: getrlimit(2).
public enum ResourceLimit {
    /// Allows `count` open files, or as many as may be allowed without privileges.
    ///
    /// - Returns: How many are allowed now.
    @discardableResult
    public static func raiseOpenFiles(to count: Int) -> Int {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &limit) == 0 else { return 0 }
        if limit.rlim_cur < rlim_t(count) {
            let before = limit.rlim_cur
            limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
            if setrlimit(kind, &limit) != 0 { return Int(clamping: before) }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
