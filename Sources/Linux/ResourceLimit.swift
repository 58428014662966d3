internal import Glibc

/// Limits of this process: getrlimit(2).
public enum ResourceLimit {
    /// Allows `count` open files, or as many as may be allowed without privileges.
    public static func raiseOpenFiles(to count: Int) {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &limit) == 0, limit.rlim_cur < rlim_t(count) else { return }
        limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
        setrlimit(kind, &limit)
    }
}
