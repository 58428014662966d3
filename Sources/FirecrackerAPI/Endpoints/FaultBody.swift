/// The body of a refusal, in either of its two shapes.
package enum FaultBody {
    /// The VMM's words.
    ///
    /// An API fault is JSON. A fault of HTTP itself only looks like it: there is a raw line break in its string.
    package static func message(of body: [UInt8]) -> String {
        if let value = try? JSONValue(decoding: body), case .object(let object) = value {
            for name in ["fault_message", "error"] {
                if case .string(let message) = object[name] { return message }
            }
        }
        let text = String(decoding: body, as: UTF8.self)
        let opening = #"{ "error": ""#
        let closing = #"" }"#
        guard text.hasPrefix(opening), text.hasSuffix(closing),
            text.utf8.count >= opening.utf8.count + closing.utf8.count
        else { return text }
        let inner = text.dropFirst(opening.count).dropLast(closing.count)
        let sentences = inner.split(whereSeparator: \.isNewline)
        return sentences.joined(separator: " ")
    }
}
