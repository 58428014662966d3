internal import GuestProtocol

/// A command's environment: what was asked for, and what every program may rely on.
enum CommandEnvironment {
    /// `KEY=value` entries: the last of each key counts, at the place of the first. Missing ones of PATH, HOME, USER and, in a
    /// terminal, TERM are added.
    static func complete(_ entries: [String], user: ResolvedUser, terminal: Bool) -> [String] {
        var result: [String] = []
        for entry in entries {
            let key = prefix(of: entry)
            if let index = result.firstIndex(where: { $0.utf8.starts(with: key) }) {
                result[index] = entry
            } else {
                result.append(entry)
            }
        }
        add("PATH", ProgramLookup.defaultSearchPath, to: &result)
        add("HOME", user.home, to: &result)
        if let name = user.name { add("USER", name, to: &result) }
        if terminal { add("TERM", "xterm", to: &result) }
        return result
    }

    /// The value of a variable.
    static func value(_ key: String, in entries: [String]) -> String? {
        let start = key + "="
        guard let entry = entries.first(where: { $0.utf8.starts(with: start.utf8) }) else { return nil }
        return String(Substring(entry.utf8.dropFirst(start.utf8.count)))
    }

    private static func add(_ key: String, _ value: String, to entries: inout [String]) {
        let start = key + "="
        if !entries.contains(where: { $0.utf8.starts(with: start.utf8) }) { entries.append(start + value) }
    }

    /// The key with its equals sign.
    private static func prefix(of entry: String) -> [UInt8] {
        entry.utf8.prefix { $0 != UInt8(ascii: "=") } + [UInt8(ascii: "=")]
    }
}
