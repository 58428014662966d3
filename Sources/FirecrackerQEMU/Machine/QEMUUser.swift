internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// The user that QEMU runs as, if that is not this process's own.
///
/// QEMU gets its files as descriptors, but opens some of them anew, by /proc/self/fd, which asks for the file's permissions again: the kernel, the
/// initial RAM disk, pmem devices and the memory. What is this process's own lets everybody in who has a descriptor; what is a file of the host may not.
public struct QEMUUser: Hashable, Sendable {
    public var userID: UInt32
    public var groupID: UInt32

    public init(userID: UInt32, groupID: UInt32) {
        self.userID = userID
        self.groupID = groupID
    }

    /// Without supplementary groups.
    var identity: Spawn.Identity { Spawn.Identity(user: userID, group: groupID) }

    /// Whether its permissions, as far as the mode tells them, let the user open a file.
    func mayOpen(_ descriptor: Int32, writable: Bool) -> Bool {
        var status = stat()
        guard userID != 0, fstat(descriptor, &status) == 0 else { return true }
        let shift: UInt32 = status.st_uid == userID ? 6 : status.st_gid == groupID ? 3 : 0
        let wanted: UInt32 = writable ? 0o6 : 0o4
        return status.st_mode >> shift & wanted == wanted
    }

    /// A copy in memory of a file that the user may not read; nil if it may.
    func readableCopy(of descriptor: Int32) throws(Errno) -> SharedDescriptor? {
        if mayOpen(descriptor, writable: false) { return nil }
        let copy = try SparseFile.inMemory("boot-file", size: 0)
        try SparseFile.copy(descriptor, to: copy.rawValue)
        return SharedDescriptor(copy)
    }
}

extension QEMUUser {
    /// Why a user cannot be taken.
    struct Refusal: Error, Hashable {
        var sentence: String
    }

    /// What the process needs to change its child's user, and to reach into its memory afterwards: CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE.
    static let neededCapabilities: UInt64 = 1 << 6 | 1 << 7 | 1 << 19

    /// - Parameters:
    ///   - text: `name`, `uid` or `uid:gid`.
    ///   - accounts: The content of /etc/passwd.
    ///   - capabilities: Of this process.
    init(_ text: String, accounts: [UInt8], capabilities: UInt64) throws(Refusal) {
        guard capabilities & Self.neededCapabilities == Self.neededCapabilities else {
            throw Refusal(
                sentence:
                    "only root, with CAP_SETUID, CAP_SETGID and CAP_SYS_PTRACE, can have QEMU run as another user. "
                    + "Start smartvm-qemu as root, or leave the option out.")
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 2 {
            guard let user = UInt32(parts[0]), let group = UInt32(parts[1]), user < .max, group < .max else {
                throw Refusal(sentence: "'\(text)' is no uid:gid.")
            }
            self.init(userID: user, groupID: group)
            return
        }
        let number = UInt32(text)
        // The C library cannot be asked: a program that is linked statically has no name service.
        for line in accounts.split(separator: UInt8(ascii: "\n")) {
            let fields = String(decoding: line, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, let user = UInt32(fields[2]), let group = UInt32(fields[3]),
                fields[0] == text || number == user
            else { continue }
            self.init(userID: user, groupID: group)
            return
        }
        throw Refusal(
            sentence: "there is no user '\(text)' in /etc/passwd. Give a name or number from there, or uid:gid.")
    }

    /// This process's effective capabilities.
    static var ownCapabilities: UInt64 {
        guard let status = try? File.readText("/proc/self/status") else { return 0 }
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        return line.flatMap { UInt64($0.dropFirst(7).trimmingPrefix { $0 == "\t" }, radix: 16) } ?? 0
    }
}
