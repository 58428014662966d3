/// The headers of a request that mean something here.
struct HTTPHeaders {
    private(set) var contentLength: UInt32 = 0
    private(set) var expectsContinue = false
    /// Whether JSON is the form of answer that was asked for.
    private(set) var acceptsJSON = false
    /// Those that mean nothing to HTTP itself, trimmed, in the order of their arrival.
    private(set) var custom: [(name: String, value: String)] = []

    /// Takes one line, without its end. Names that are not known and values that are not supported are passed over.
    mutating func parse(_ line: [UInt8]) throws(HTTPFault) {
        let text: String
        switch RustUTF8.text(line) {
        case .success(let good): text = good
        case .failure(let problem):
            throw .header("Header contains invalid characters. Key: \(problem.description)")
        }
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw .header("Header is incorrectly formatted. Key: \(text)")
        }
        let name = String(text[..<colon])
        let value = String(text[text.utf8.index(after: colon)...])
        let trimmed = Self.trimmed(value)
        switch Self.trimmed(name).lowercased() {
        case "content-length":
            // Rust takes a sign before a number too.
            guard let length = UInt32(trimmed) else { throw .header("Invalid value. Key:\(name); Value:\(value)") }
            contentLength = length
        case "expect":
            if trimmed == "100-continue" { expectsContinue = true }
        case "accept-encoding":
            try Self.checkEncodings(trimmed)
        case "accept":
            switch trimmed {
            case "application/json": acceptsJSON = true
            case "text/plain": acceptsJSON = false
            default: break
            }
        case "content-type", "transfer-encoding", "server":
            break
        default:
            custom.append((Self.trimmed(name), trimmed))
        }
    }

    /// The value of the last header of that name, in whatever case.
    func custom(_ name: String) -> String? {
        let name = name.lowercased()
        return custom.last { $0.name.lowercased() == name }?.value
    }

    /// Refuses what forbids an answer as it is.
    private static func checkEncodings(_ list: String) throws(HTTPFault) {
        if list.isEmpty { throw .invalidRequest }
        for encoding in list.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let encoding = String(Substring(encoding))
            let name = trimmed(encoding)
            if name == "identity;q=0" || (name == "*;q=0" && !list.contains("identity")) {
                throw .header("Invalid value. Key:Accept-Encoding; Value:\(encoding)")
            }
        }
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(text.unicodeScalars[first...last])
    }
}
