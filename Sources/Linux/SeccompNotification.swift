internal import CLinux
internal import Glibc

/// A system call of another process that waits for this one to perform it: seccomp_unotify(2).
public struct SeccompNotification: Hashable, Sendable {
    public var id: UInt64
    public var number: Int32
    public var arguments: (UInt64, UInt64, UInt64)

    /// The first argument, of a call whose first is a descriptor.
    public var descriptor: Int32 { Int32(truncatingIfNeeded: arguments.0) }

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

    /// A filter that notifies of ioctl(2) with certain descriptors and a request of one group (the second byte of the request's number),
    /// leaves calls of other numbers out, and lets everything else pass.
    ///
    /// - Parameters:
    ///   - descriptors: The caller's numbers of them.
    ///   - skipped: Numbers of system calls that do nothing, and succeed.
    ///   - unwritable: The caller's numbers of descriptors that write(2) and writev(2) fail on with EPERM.
    /// - Returns: Nothing if there is nothing to filter.
    public static func filter(
        ioctlOf descriptors: [Int32], group: UInt8, skipping skipped: [Int] = [], unwritable: [Int32] = []
    ) -> [Spawn.BPFInstruction] {
        guard !descriptors.isEmpty || !skipped.isEmpty || !unwritable.isEmpty else { return [] }
        // struct seccomp_data: the call's number, the architecture, the instruction pointer, the arguments.
        var filter: [Spawn.BPFInstruction] = [
            load(4),
            equals(CLINUX_AUDIT_ARCH_NATIVE, jumpTrue: 1),
            answer(CLINUX_SECCOMP_RET_ALLOW),
            load(0),
        ]
        for number in skipped {
            filter += [
                equals(UInt32(number), jumpFalse: 1),
                answer(CLINUX_SECCOMP_RET_ERRNO),
            ]
        }
        if !unwritable.isEmpty {
            let rest = descriptorIs(oneOf: unwritable, otherwiseSkip: 1)
            filter += [
                equals(UInt32(SYS_write), jumpTrue: 1),
                equals(UInt32(SYS_writev), jumpFalse: UInt8(rest.count + 2)),
            ]
            filter += rest + [answer(CLINUX_SECCOMP_RET_ERRNO | UInt32(EPERM)), answer(CLINUX_SECCOMP_RET_ALLOW)]
        }
        if !descriptors.isEmpty {
            let rest = descriptorIs(oneOf: descriptors, otherwiseSkip: 4)
            filter.append(equals(UInt32(SYS_ioctl), jumpFalse: UInt8(rest.count + 4)))
            filter +=
                rest + [
                    load(24),
                    .init(UInt16(BPF_ALU | BPF_AND | BPF_K), 0xff00),
                    equals(UInt32(group) << 8, jumpFalse: 1),
                    answer(CLINUX_SECCOMP_RET_USER_NOTIF),
                ]
        }
        return filter + [answer(CLINUX_SECCOMP_RET_ALLOW)]
    }

    private static func load(_ offset: UInt32) -> Spawn.BPFInstruction {
        .init(UInt16(BPF_LD | BPF_W | BPF_ABS), offset)
    }

    private static func equals(
        _ value: UInt32, jumpTrue: UInt8 = 0, jumpFalse: UInt8 = 0
    ) -> Spawn.BPFInstruction {
        .init(UInt16(BPF_JMP | BPF_JEQ | BPF_K), value, jumpTrue: jumpTrue, jumpFalse: jumpFalse)
    }

    private static func answer(_ value: UInt32) -> Spawn.BPFInstruction {
        .init(UInt16(BPF_RET | BPF_K), value)
    }

    /// Goes on if the first argument is one of these, and else behind the next `skipped` instructions.
    private static func descriptorIs(
        oneOf descriptors: [Int32], otherwiseSkip skipped: UInt8
    ) -> [Spawn.BPFInstruction] {
        let last = descriptors.count - 1
        return [load(16)]
            + descriptors.enumerated().map { index, descriptor in
                equals(
                    UInt32(bitPattern: descriptor), jumpTrue: UInt8(last - index),
                    jumpFalse: index == last ? skipped : 0)
            }
    }
}
