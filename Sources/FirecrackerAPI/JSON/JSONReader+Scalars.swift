extension JSONReader {
    // MARK: Numbers

    static func isDigit(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    /// Reads a number whose sign, if any, has been read. Whole numbers that fit 64 bits stay whole; `-0` and larger
    /// ones become floating.
    mutating func readNumber(isPositive: Bool) throws(JSONFault) -> JSONNumber {
        let start = index
        guard let first = next() else { throw fault("EOF while parsing a value") }
        guard Self.isDigit(first) else { throw fault("invalid number") }
        if first == UInt8(ascii: "0") {
            if Self.isDigit(peek) { throw faultAtPeek("invalid number") }
        } else {
            while Self.isDigit(peek) { index += 1 }
        }
        var isWhole = true
        if peek == UInt8(ascii: ".") {
            isWhole = false
            index += 1
            guard Self.isDigit(peek) else {
                throw faultAtPeek(peek == nil ? "EOF while parsing a value" : "invalid number")
            }
            while Self.isDigit(peek) { index += 1 }
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            isWhole = false
            index += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
            guard let digit = next() else { throw fault("EOF while parsing a value") }
            guard Self.isDigit(digit) else { throw fault("invalid number") }
            while Self.isDigit(peek) { index += 1 }
        }
        return try number(
            String(decoding: bytes[start..<index], as: UTF8.self), isPositive: isPositive, isWhole: isWhole)
    }

    private func number(_ text: String, isPositive: Bool, isWhole: Bool) throws(JSONFault) -> JSONNumber {
        if isWhole, let magnitude = UInt64(text) {
            if isPositive { return .unsigned(magnitude) }
            if magnitude > 0, magnitude <= UInt64(Int64.max) + 1 {
                return .negative(magnitude == UInt64(Int64.max) + 1 ? Int64.min : -Int64(magnitude))
            }
        }
        guard let value = Double(text), value.isFinite else { throw fault("number out of range") }
        return .floating(isPositive ? value : -value)
    }

    // MARK: Strings

    /// Reads a string whose opening quote has been read.
    mutating func readStringBody() throws(JSONFault) -> String {
        var text: [UInt8] = []
        var runStart = index
        while true {
            guard let byte = peek else { throw fault("EOF while parsing a string") }
            switch byte {
            case UInt8(ascii: "\""):
                text += bytes[runStart..<index]
                index += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw fault("invalid unicode code point")
                }
                return string
            case UInt8(ascii: "\\"):
                text += bytes[runStart..<index]
                index += 1
                try readEscape(into: &text)
                runStart = index
            case 0..<0x20:
                index += 1
                throw fault("control character (\\u0000-\\u001F) found while parsing a string")
            default:
                index += 1
            }
        }
    }

    private mutating func readEscape(into text: inout [UInt8]) throws(JSONFault) {
        guard let byte = next() else { throw fault("EOF while parsing a string") }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += String(try readUnicodeEscape()).utf8
        default: throw fault("invalid escape")
        }
    }

    /// Reads what follows `\u`, and the second half of a surrogate pair.
    private mutating func readUnicodeEscape() throws(JSONFault) -> Unicode.Scalar {
        let first = try readHexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00 else { throw fault("lone leading surrogate in hex escape") }
        for expected in [UInt8(ascii: "\\"), UInt8(ascii: "u")] {
            guard let byte = next() else { throw fault("EOF while parsing a string") }
            if byte != expected { throw fault("unexpected end of hex escape") }
        }
        let second = try readHexadecimal()
        let high = UInt32(first - 0xd800) << 10
        guard (0xdc00...0xdfff).contains(second), let scalar = Unicode.Scalar(0x10000 + high + UInt32(second - 0xdc00))
        else { throw fault("lone leading surrogate in hex escape") }
        return scalar
    }

    mutating func readHexadecimal() throws(JSONFault) -> UInt16 {
        guard bytes.count - index >= 4 else {
            index = bytes.count
            throw fault("EOF while parsing a string")
        }
        let digits = bytes[index..<index + 4]
        index += 4
        // The initialiser would take a sign.
        guard digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let value = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw fault("invalid escape") }
        return value
    }
}
