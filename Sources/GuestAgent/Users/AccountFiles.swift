/// A line of /etc/passwd: passwd(5).
struct PasswdEntry: Equatable {
    var name: String
    var userID: UInt32
    var groupID: UInt32
    var home: String
}

/// A line of /etc/group: group(5).
struct GroupEntry: Equatable {
    var name: String
    var groupID: UInt32
    var members: [String]
}

/// The guest's accounts, read from the bytes of its own files. A line that is not well-formed is passed over, as the C library
/// does; the library itself cannot be asked, for the agent is linked statically and the guest may have another one.
enum AccountFiles {
    /// The entries of a passwd file, in order.
    static func users(_ bytes: [UInt8]) -> [PasswdEntry] {
        lines(bytes).compactMap { fields in
            guard fields.count >= 6, !fields[0].isEmpty, let userID = UInt32(fields[2]), let groupID = UInt32(fields[3])
            else { return nil }
            return PasswdEntry(name: fields[0], userID: userID, groupID: groupID, home: fields[5])
        }
    }

    /// The entries of a group file, in order.
    static func groups(_ bytes: [UInt8]) -> [GroupEntry] {
        lines(bytes).compactMap { fields in
            guard fields.count >= 3, !fields[0].isEmpty, let groupID = UInt32(fields[2]) else { return nil }
            let members = fields.count > 3 ? split(Array(fields[3].utf8), at: UInt8(ascii: ",")) : []
            return GroupEntry(name: fields[0], groupID: groupID, members: members.filter { !$0.isEmpty })
        }
    }

    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        bytes.split(separator: UInt8(ascii: "\n")).map { split(Array($0), at: UInt8(ascii: ":")) }
    }

    private static func split(_ bytes: [UInt8], at separator: UInt8) -> [String] {
        bytes.split(separator: separator, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
}
