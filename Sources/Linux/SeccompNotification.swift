internal import CLinux
internal import Glibc

/// A system call of another process that waits for this one to perform it: seccomp_unotify(2).
public struct SeccompNotification: Hashable, Sendable {
    public var id: UInt64
    public var number: Int32
    public var arguments: (UInt64, UInt64, UInt64)

    public static func == (left: Self, right: Self) -> Bool { left.id == right.id }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    /// The next one; blocks unless the listener is readable. The calling process may have gone in between: `noSuchFile`.
    public static func receive(from listener: Int32) throws(Errno) -> SeccompNotification {
        var notification = seccomp_notif()
        try systemCall {
            withUnsafeMutablePointer(to: &notification) {
                clinux_ioctl(listener, CLINUX_SECCOMP_IOCTL_NOTIF_RECV, UInt(bitPattern: $0))
            }
        }
        let arguments = notification.data.args
        return SeccompNotification(
            id: notification.id, number: notification.data.nr, arguments: (arguments.0, arguments.1, arguments.2))
    }

    /// Whether the caller still waits, so that its pid and addresses mean what they meant.
    public func isValid(_ listener: Int32) -> Bool {
        var id = id
        return withUnsafeMutablePointer(to: &id) {
            clinux_ioctl(listener, CLINUX_SECCOMP_IOCTL_NOTIF_ID_VALID, UInt(bitPattern: $0))
        } == 0
    }

    /// Lets the call return `value`, or fail.
    public func answer(_ listener: Int32, value: Int64 = 0, error: Errno? = nil) throws(Errno) {
        var response = seccomp_notif_resp()
        response.id = id
        response.val = error == nil ? value : 0
        response.error = error.map { -$0.rawValue } ?? 0
        try systemCall {
            withUnsafeMutablePointer(to: &response) {
                clinux_ioctl(listener, CLINUX_SECCOMP_IOCTL_NOTIF_SEND, UInt(bitPattern: $0))
            }
        }
    }

    /// The number of fallocate(2).
    public static let fallocate = Int(CLINUX_SYS_FALLOCATE)

    /// A filter that notifies of ioctl(2) with one descriptor and a request of one group (the second byte of the request's number),
    /// leaves calls of other numbers out, and lets everything else pass.
    ///
    /// - Parameters:
    ///   - descriptor: The caller's number of it; nil for none.
    ///   - skipped: Numbers of system calls that do nothing, and succeed.
    /// - Returns: Nothing if there is nothing to filter.
    public static func filter(
        ioctlOf descriptor: Int32?, group: UInt8, skipping skipped: [Int] = []
    ) -> [Spawn.BPFInstruction] {
        guard descriptor != nil || !skipped.isEmpty else { return [] }
        let load = UInt16(BPF_LD | BPF_W | BPF_ABS)
        let compare = UInt16(BPF_JMP | BPF_JEQ | BPF_K)
        let answer = UInt16(BPF_RET | BPF_K)
        let pass = Spawn.BPFInstruction(answer, CLINUX_SECCOMP_RET_ALLOW)
        // struct seccomp_data: the call's number, the architecture, the instruction pointer, the arguments.
        var filter: [Spawn.BPFInstruction] = [
            .init(load, 4),
            .init(compare, CLINUX_AUDIT_ARCH_NATIVE, jumpTrue: 1),
            pass,
            .init(load, 0),
        ]
        for number in skipped {
            filter += [
                .init(compare, UInt32(number), jumpFalse: 1),
                .init(answer, CLINUX_SECCOMP_RET_ERRNO),
            ]
        }
        if let descriptor {
            filter += [
                .init(compare, UInt32(SYS_ioctl), jumpFalse: 6),
                .init(load, 16),
                .init(compare, UInt32(bitPattern: descriptor), jumpFalse: 4),
                .init(load, 24),
                .init(UInt16(BPF_ALU | BPF_AND | BPF_K), 0xff00),
                .init(compare, UInt32(group) << 8, jumpFalse: 1),
                .init(answer, CLINUX_SECCOMP_RET_USER_NOTIF),
            ]
        }
        return filter + [pass]
    }
}
