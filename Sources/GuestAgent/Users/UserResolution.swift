/// Who a command runs as.
struct ResolvedUser: Equatable {
    var userID: UInt32
    var groupID: UInt32
    /// All groups, `groupID` included.
    var groups: [UInt32]
    /// nil if the guest has no such account.
    var name: String?
    var home: String
}

/// What nobody by that name is.
struct UnknownAccount: Error, Equatable {
    enum Kind { case user, group }

    var kind: Kind
    var name: String
}

extension ResolvedUser {
    /// Looks up `user`, `uid`, `user:group`, `uid:gid` (and mixtures) as docker does: names before numbers; a number needs no
    /// account; a group that is named takes the place of all that the account is in.
    init(_ specification: String, passwd: [UInt8], group: [UInt8]) throws(UnknownAccount) {
        let parts = specification.utf8.split(
            separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let userPart = String(Substring(parts[0]))
        let groupPart = parts.count > 1 ? String(Substring(parts[1])) : ""
        let users = AccountFiles.users(passwd)

        if let entry = users.first(where: { $0.name == userPart }) {
            self.init(entry)
        } else if let number = Self.number(userPart) {
            if let entry = users.first(where: { $0.userID == number }) {
                self.init(entry)
            } else {
                self.init(userID: number, groupID: 0, groups: [0], name: nil, home: "/")
            }
        } else {
            throw UnknownAccount(kind: .user, name: userPart)
        }

        let known = AccountFiles.groups(group)
        if groupPart.isEmpty {
            guard let name else { return }
            for entry in known where entry.groupID != groupID && entry.members.contains(name) {
                groups.append(entry.groupID)
            }
        } else if let id = known.first(where: { $0.name == groupPart })?.groupID ?? Self.number(groupPart) {
            groupID = id
            groups = [id]
        } else {
            throw UnknownAccount(kind: .group, name: groupPart)
        }
    }

    private init(_ entry: PasswdEntry) {
        self.init(
            userID: entry.userID, groupID: entry.groupID, groups: [entry.groupID], name: entry.name,
            home: entry.home.isEmpty ? "/" : entry.home)
    }

    /// Decimal digits alone; the last number stands for "no user" in system calls.
    private static func number(_ text: String) -> UInt32? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = UInt32(text), value != .max else {
            return nil
        }
        return value
    }
}
