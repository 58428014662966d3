extension JSONReader {
    /// Reads past a value that nobody wants. Its text is checked, but not what it means: numbers may be too large, strings need be no
    /// Unicode, and there is no limit of depth. So it faults in other words than ``readValue()`` does.
    mutating func skipValue() throws(JSONFault) {
        // The brackets that are open.
        var open: [Container] = []
        while true {
            let opened = try skipScalarOrOpen()
            if let opened { open.append(opened) }
            guard try skipToNextValue(in: &open, isFirst: opened != nil) else { return }
        }
    }

    /// Reads past a value, or past the opening bracket of one, whose kind it returns.
    private mutating func skipScalarOrOpen() throws(JSONFault) -> Container? {
        switch try startOfValue() {
        case UInt8(ascii: "n"): try word("null")
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "-"):
            index += 1
            try skipNumber()
        case UInt8(ascii: "0")...UInt8(ascii: "9"): try skipNumber()
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "["):
            index += 1
            return .array
        case UInt8(ascii: "{"):
            index += 1
            return .object
        default: throw faultAtPeek("expected value")
        }
        return nil
    }

    /// Reads what stands before the next value: closing brackets, a comma, a name.
    ///
    /// - Parameter isFirst: Whether an opening bracket has just been read, behind which no comma stands.
    /// - Returns: False if nothing is open any more.
    private mutating func skipToNextValue(in open: inout [Container], isFirst: Bool) throws(JSONFault) -> Bool {
        var isFirst = isFirst
        while let container = open.last {
            let isObject = container == .object
            guard let byte = skipWhitespace() else {
                throw faultAtPeek(isObject ? "EOF while parsing an object" : "EOF while parsing a list")
            }
            if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                index += 1
                open.removeLast()
                isFirst = false
                continue
            }
            if !isFirst {
                guard byte == UInt8(ascii: ",") else {
                    throw faultAtPeek(isObject ? "expected `,` or `}`" : "expected `,` or `]`")
                }
                index += 1
            }
            if isObject { try skipName() }
            return true
        }
        return false
    }

    private mutating func skipName() throws(JSONFault) {
        guard let byte = skipWhitespace() else { throw faultAtPeek("EOF while parsing an object") }
        guard byte == UInt8(ascii: "\"") else { throw faultAtPeek("key must be a string") }
        try skipString()
        try readColon()
    }

    /// A quote stands at hand.
    private mutating func skipString() throws(JSONFault) {
        index += 1
        while let byte = next() {
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try skipEscape()
            case 0..<0x20:
                // Unlike where the text is wanted, the fault stands before the character.
                index -= 1
                throw fault("control character (\\u0000-\\u001F) found while parsing a string")
            default: continue
            }
        }
        throw fault("EOF while parsing a string")
    }

    private mutating func skipEscape() throws(JSONFault) {
        guard let byte = next() else { throw fault("EOF while parsing a string") }
        if byte == UInt8(ascii: "u") {
            _ = try readHexadecimal()
        } else if !#""\/bfnrt"#.utf8.contains(byte) {
            throw fault("invalid escape")
        }
    }

    /// A number's sign has been read.
    private mutating func skipNumber() throws(JSONFault) {
        guard Self.isDigit(peek) else { throw wrongDigit() }
        index += 1
        if bytes[index - 1] == UInt8(ascii: "0") {
            if Self.isDigit(peek) { throw faultAtPeek("invalid number") }
        } else {
            skipDigits()
        }
        if peek == UInt8(ascii: ".") {
            index += 1
            guard Self.isDigit(peek) else { throw faultAtPeek("invalid number") }
            skipDigits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            index += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
            guard Self.isDigit(peek) else { throw wrongDigit() }
            skipDigits()
        }
    }

    private mutating func skipDigits() {
        while Self.isDigit(peek) { index += 1 }
    }

    private mutating func wrongDigit() -> JSONFault {
        _ = next()
        return fault("invalid number")
    }
}
