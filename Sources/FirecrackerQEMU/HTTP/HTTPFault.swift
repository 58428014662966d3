/// Why bytes are no request, in the words of Firecracker's HTTP library.
struct HTTPFault: Error, Hashable {
    var message: String

    static let invalidRequest = HTTPFault(message: "Invalid request.")

    static func header(_ reason: String) -> HTTPFault {
        HTTPFault(message: "Invalid header. Reason: \(reason)")
    }

    private static let kinds = [
        "Invalid header. Reason: ", "Invalid HTTP Method: ", "Invalid HTTP Version: ", "Invalid URI: ",
    ]

    /// The message without the kind of fault before it.
    var detail: String {
        for kind in Self.kinds where message.hasPrefix(kind) { return String(message.dropFirst(kind.count)) }
        return message
    }

    /// The body of the answer. The line break makes it no JSON, but this is what clients know.
    var encoded: [UInt8] {
        Array("{ \"error\": \"\(message)\nAll previous unanswered requests will be dropped.\" }".utf8)
    }
}

/// Why bytes are no UTF-8, in Rust's words.
enum RustUTF8 {
    /// The text, or the sentence that says where it is broken.
    static func text(_ bytes: [UInt8]) -> Result<String, Problem> {
        do {
            let span = try UTF8Span(validating: bytes.span)
            return .success(String(copying: span))
        } catch {
            let start = error.byteOffsets.lowerBound
            let length = error.byteOffsets.count
            let isCutOff = error.kind == .truncatedScalar && error.byteOffsets.upperBound == bytes.count
            return .failure(
                Problem(
                    description: isCutOff
                        ? "incomplete utf-8 byte sequence from index \(start)"
                        : "invalid utf-8 sequence of \(length) bytes from index \(start)"))
        }
    }

    struct Problem: Error {
        var description: String
    }
}
