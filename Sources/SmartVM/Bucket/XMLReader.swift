/// Reads small XML documents of programs, such as a bucket's listing, element by element.
///
/// It knows elements, attributes (which it passes over), text, CDATA, comments, the five named entities and numeric ones. A document type
/// is refused, and with it everything that XML can make large or fetch from elsewhere; so is whatever is not well-formed.
/// Foundation's parser would cost every start of the program a library of its own for this one document.
struct XMLReader {
    enum Event: Hashable, Sendable {
        /// The name of an element, without a prefix.
        case begin(String)
        case end(String)
        /// Text between two of the others; never empty.
        case text(String)
    }

    /// What is wrong, and at which byte.
    struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
        var what: String
        var offset: Int

        var description: String { "\(what) at byte \(offset)" }
    }

    private let bytes: [UInt8]
    private var position = 0
    /// Elements that are open, with their prefixes.
    private var open: [String] = []
    private var isComplete = false
    /// The end of an element that was written `<name/>`.
    private var pendingEnd: String?

    private static let depthLimit = 32

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    /// The next event; nil at the end of the document.
    mutating func next() throws(Malformed) -> Event? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name)
        }
        while position < bytes.count {
            if starts("<?") {
                try skip(to: "?>")
            } else if starts("<!--") {
                try skip(to: "-->")
            } else if starts("<![CDATA["), !open.isEmpty {
                position += 9
                let start = position
                try skip(to: "]]>")
                if start < position - 3 { return .text(try validText(start..<(position - 3))) }
            } else if starts("<!") {
                throw malformed("a document type, or another declaration that is not taken")
            } else if starts("</") {
                return try endTag()
            } else if starts("<") {
                return try startTag()
            } else if let text = try text() {
                return .text(text)
            }
        }
        guard open.isEmpty, isComplete else { throw malformed("the document ends too early") }
        return nil
    }

    private func starts(_ prefix: StaticString) -> Bool {
        prefix.withUTF8Buffer { bytes[position...].starts(with: $0) }
    }

    private mutating func skip(to end: StaticString) throws(Malformed) {
        let start = position
        while position < bytes.count {
            if starts(end) {
                position += end.utf8CodeUnitCount
                return
            }
            position += 1
        }
        position = start
        throw malformed("something that does not end")
    }

    private func malformed(_ what: String) -> Malformed { Malformed(what: what, offset: position) }

    private func validText(_ range: Range<Int>) throws(Malformed) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw malformed("text that is not UTF-8")
        }
        return text
    }

    // MARK: - Tags

    private mutating func startTag() throws(Malformed) -> Event {
        guard !isComplete else { throw malformed("a second root element") }
        guard open.count < Self.depthLimit else { throw malformed("elements that are nested too deep") }
        position += 1
        let name = try name()
        while true {
            let hadBlank = skipBlanks()
            guard position < bytes.count else { throw malformed("a tag that does not end") }
            if starts("/>") {
                position += 2
                pendingEnd = Self.local(name)
                isComplete = open.isEmpty
                return .begin(Self.local(name))
            }
            if starts(">") {
                position += 1
                open.append(name)
                return .begin(Self.local(name))
            }
            guard hadBlank else { throw malformed("a tag that is not well-formed") }
            try attribute()
        }
    }

    private mutating func attribute() throws(Malformed) {
        _ = try name()
        skipBlanks()
        guard starts("=") else { throw malformed("an attribute without a value") }
        position += 1
        skipBlanks()
        guard starts("\"") || starts("'") else { throw malformed("an attribute without quotes") }
        let quote = bytes[position]
        position += 1
        while position < bytes.count, bytes[position] != quote {
            if starts("<") { throw malformed("an attribute that does not end") }
            position += 1
        }
        guard position < bytes.count else { throw malformed("an attribute that does not end") }
        position += 1
    }

    private mutating func endTag() throws(Malformed) -> Event {
        position += 2
        let name = try name()
        skipBlanks()
        guard starts(">"), open.last == name else { throw malformed("an end that has no beginning") }
        position += 1
        open.removeLast()
        isComplete = open.isEmpty
        return .end(Self.local(name))
    }

    private mutating func name() throws(Malformed) -> String {
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), 0x80...:
                position += 1
                continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                guard position > start else { throw malformed("a name that begins like none") }
                position += 1
                continue
            default: break
            }
            break
        }
        guard position > start else { throw malformed("a tag without a name") }
        return try validText(start..<position)
    }

    private static func local(_ name: String) -> String {
        String(name.split(separator: ":", omittingEmptySubsequences: true).last ?? "")
    }

    @discardableResult
    private mutating func skipBlanks() -> Bool {
        let start = position
        while position < bytes.count, Self.isBlank(bytes[position]) { position += 1 }
        return position > start
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0a).contains(byte) || byte == 0x0d }

    // MARK: - Text

    /// Up to the next tag; nil for blanks outside of the root element.
    private mutating func text() throws(Malformed) -> String? {
        var result: [UInt8] = []
        while position < bytes.count, bytes[position] != UInt8(ascii: "<") {
            if bytes[position] == UInt8(ascii: "&") {
                result += String(try reference()).utf8
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        if open.isEmpty {
            guard result.allSatisfy(Self.isBlank) else { throw malformed("text outside of the root element") }
            return nil
        }
        guard let text = String(validating: result, as: UTF8.self) else { throw malformed("text that is not UTF-8") }
        return text
    }

    private mutating func reference() throws(Malformed) -> Character {
        let end = bytes[position...].prefix(12).firstIndex(of: UInt8(ascii: ";"))
        guard let end else { throw malformed("an entity that does not end") }
        let name = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
        let named: [String: Character] = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]
        if let character = named[name] {
            position = end + 1
            return character
        }
        let number =
            if name.hasPrefix("#x") { UInt32(name.dropFirst(2), radix: 16) } else if name.hasPrefix("#") {
                UInt32(name.dropFirst())
            } else { UInt32?.none }
        guard let scalar = number.flatMap({ Unicode.Scalar($0) }),
            scalar.value >= 0x20 || [9, 10, 13].contains(scalar.value)
        else { throw malformed("an entity that is not known") }
        position = end + 1
        return Character(scalar)
    }
}
