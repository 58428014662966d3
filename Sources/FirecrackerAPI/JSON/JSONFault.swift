/// Why a text is not the JSON that was expected, in the words of serde_json, which clients of Firecracker see.
public struct JSONFault: Error, Hashable, Sendable {
    /// What is wrong, in the words of serde.
    public var message: String
    /// From 1; 0 if the fault has no position.
    public var line: Int
    /// Bytes of the line up to where reading stopped; 0 if the fault has no position or stands before a line's first
    /// byte.
    public var column: Int

    /// Each parameter sets the property of its name, which says what it means.
    public init(_ message: String, line: Int = 0, column: Int = 0) {
        self.message = message
        self.line = line
        self.column = column
    }
}

extension JSONFault: CustomStringConvertible {
    public var description: String {
        line == 0 ? message : "\(message) at line \(line) column \(column)"
    }
}

extension JSONFault {
    /// What stood in the text where something else was expected.
    enum Found {
        case null
        case boolean(Bool)
        case number(JSONNumber)
        case string(String)
        case sequence
        case map

        var description: String {
            switch self {
            case .null: "null"
            case .boolean(let value): "boolean `\(value)`"
            case .number(.floating(let value)): "floating point `\(JSONNumber.floating(value))`"
            case .number(let value): "integer `\(value)`"
            case .string(let value): "string \(RustText.quoted(value))"
            case .sequence: "sequence"
            case .map: "map"
            }
        }
    }

    static func invalidType(_ found: Found, expected: String) -> JSONFault {
        JSONFault("invalid type: \(found.description), expected \(expected)")
    }

    static func invalidValue(_ found: Found, expected: String) -> JSONFault {
        JSONFault("invalid value: \(found.description), expected \(expected)")
    }

    static func invalidLength(_ length: Int, expected: String) -> JSONFault {
        JSONFault("invalid length \(length), expected \(expected)")
    }

    static func missingField(_ name: String) -> JSONFault {
        JSONFault("missing field `\(name)`")
    }

    static func duplicateField(_ name: String) -> JSONFault {
        JSONFault("duplicate field `\(name)`")
    }

    static func unknownField(_ name: String, expected: [String]) -> JSONFault {
        JSONFault("unknown field `\(name)`, \(oneOf(expected, none: "there are no fields"))")
    }

    static func unknownVariant(_ name: String, expected: [String]) -> JSONFault {
        JSONFault("unknown variant `\(name)`, \(oneOf(expected, none: "there are no variants"))")
    }

    private static func oneOf(_ names: [String], none: String) -> String {
        switch names.count {
        case 0: none
        case 1: "expected `\(names[0])`"
        case 2: "expected `\(names[0])` or `\(names[1])`"
        default: "expected one of " + names.map { "`\($0)`" }.joined(separator: ", ")
        }
    }
}

/// Text as Rust's `Debug` formats it, which stands in fault messages and log lines.
package enum RustText {
    /// The string in double quotes, with the escapes of Rust.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\0": result += "\\0"
            case _ where scalar.properties.isGraphemeExtend || !isPrintable(scalar):
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// What Rust prints as it is: everything but controls, formats, what Unicode has not assigned, and spaces other than the space.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }
}
