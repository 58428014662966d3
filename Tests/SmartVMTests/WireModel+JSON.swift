public import SmartVM

extension WireModel {
    /// The value of a key in what the API is sent; nil where the key is left out.
    subscript(key: String) -> JSONValue? {
        (try? JSONValue(decoding: json(showsNulls: false)))?[key]
    }
}

extension JSONValue {
    subscript(key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }
}

// Test code writes what it expects as literals.

extension JSONValue: ExpressibleByUnicodeScalarLiteral {}
extension JSONValue: ExpressibleByExtendedGraphemeClusterLiteral {}
extension JSONValue: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self = .string(text) }
}

extension JSONValue: ExpressibleByIntegerLiteral {
    public init(integerLiteral number: Int) {
        self = .number(number < 0 ? .negative(Int64(number)) : .unsigned(UInt64(number)))
    }
}

extension JSONValue: ExpressibleByBooleanLiteral {
    public init(booleanLiteral flag: Bool) { self = .bool(flag) }
}

extension JSONValue: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        self = .object(object)
    }
}
