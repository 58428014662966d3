internal import Glibc

/// Mounting: mount(2) and umount2(2).
public enum Mount {
    public struct Flags: OptionSet, Sendable {
        public var rawValue: UInt

        public init(rawValue: UInt) {
            self.rawValue = rawValue
        }

        public static let readOnly = Flags(rawValue: UInt(MS_RDONLY))
        public static let noSetUserID = Flags(rawValue: UInt(MS_NOSUID))
        public static let noDevices = Flags(rawValue: UInt(MS_NODEV))
        public static let noExecute = Flags(rawValue: UInt(MS_NOEXEC))
        public static let noAccessTimes = Flags(rawValue: UInt(MS_NOATIME))
        public static let relativeAccessTimes = Flags(rawValue: UInt(MS_RELATIME))
        /// A second place for what is mounted or stored at `source`.
        public static let bind = Flags(rawValue: UInt(MS_BIND))
        /// Takes the mount at `source` to the target.
        public static let move = Flags(rawValue: UInt(MS_MOVE))
        public static let remount = Flags(rawValue: UInt(MS_REMOUNT))
    }

    /// Mounts.
    ///
    /// - Parameters:
    ///   - source: A device, or any word for file systems that have none.
    ///   - data: The file system's own options.
    public static func mount(
        _ source: String, at target: String, type: String?, _ flags: Flags = [], data: String? = nil
    ) throws(Errno) {
        try systemCall {
            withOptionalCString(data) { data in Glibc.mount(source, target, type, flags.rawValue, data) }
        }
    }

    /// Takes away the mount at `target`; with `lazily` at once from sight, and wholly when nothing uses it any more.
    public static func unmount(_ target: String, lazily: Bool = false) throws(Errno) {
        try systemCall { umount2(target, lazily ? Int32(MNT_DETACH) : 0) }
    }
}
