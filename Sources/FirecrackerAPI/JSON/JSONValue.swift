/// Any JSON value.
public enum JSONValue: Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number.
    case number(JSONNumber)
    /// A text.
    case string(String)
    /// Values in order.
    case array([JSONValue])
    /// Named values.
    case object(JSONObject)
}

/// The members of an object, sorted by the bytes of their names; of two with one name the later counts.
public struct JSONObject: Hashable, Sendable {
    /// One named value.
    public struct Member: Hashable, Sendable {
        /// The key.
        public var name: String
        /// The value.
        public var value: JSONValue
    }

    /// All members.
    public private(set) var members: [Member] = []

    /// Makes an empty one.
    public init() {}

    /// The value of a name; setting nil removes it.
    public subscript(name: String) -> JSONValue? {
        get {
            let (index, found) = position(of: name)
            return found ? members[index].value : nil
        }
        set {
            let (index, found) = position(of: name)
            switch (found, newValue) {
            case (true, let value?): members[index].value = value
            case (true, nil): members.remove(at: index)
            case (false, let value?): members.insert(Member(name: name, value: value), at: index)
            case (false, nil): break
            }
        }
    }

    private func position(of name: String) -> (index: Int, found: Bool) {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            let other = members[middle].name
            // By bytes: Swift's own comparison holds canonically equivalent names for one name.
            if other.utf8.elementsEqual(name.utf8) { return (middle, true) }
            if other.utf8.lexicographicallyPrecedes(name.utf8) { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }
}

extension JSONValue {
    /// This value after a JSON Merge Patch (RFC 7396).
    public func merging(_ patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var result = JSONObject()
        if case .object(let own) = self { result = own }
        for member in changes.members {
            if member.value == .null {
                result[member.name] = nil
            } else {
                result[member.name] = (result[member.name] ?? .null).merging(member.value)
            }
        }
        return .object(result)
    }
}
