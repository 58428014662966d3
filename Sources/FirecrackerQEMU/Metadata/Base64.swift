/// RFC 4648, with padding.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(8 * (3 - group.count))
            for place in 0...3 {
                text.append(place <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)] : padding)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil if the text is not what ``text(of:)`` makes of some bytes.
    static func bytes(of text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 4) {
            var bits: UInt32 = 0
            var count = 0
            for digit in digits[start..<(start + 4)] {
                bits <<= 6
                if digit == padding { continue }
                guard let value = alphabet.firstIndex(of: digit) else { return nil }
                bits |= UInt32(value)
                count += 1
            }
            guard count >= 2 else { return nil }
            for place in 0..<(count - 1) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * place))) }
        }
        // One text for each sequence of bytes: no padding inside, no bits behind the end.
        return self.text(of: bytes) == text ? bytes : nil
    }
}
