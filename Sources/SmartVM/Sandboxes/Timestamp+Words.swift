internal import FirecrackerClient
internal import SupervisorProtocol

extension Timestamp {
    /// Reads a moment as docker takes it: RFC 3339 with any offset, or without one (which is UTC here), also a date alone; seconds since 1970
    /// with up to nine decimals; or how long ago it was: `10m`, `1h30m`.
    ///
    /// - Parameter now: Nanoseconds since 1970.
    init?(words: String, now: UInt64) {
        if let time = Self(unix: words) ?? Self(dateAndTime: words) {
            self = time
        } else if let ago = Self.nanoseconds(ofDuration: words) {
            self.init(nanoseconds: now > ago ? now - ago : 0)
        } else {
            return nil
        }
    }

    /// - Throws: `INVALID_CONFIG` with the forms that there are.
    static func required(_ words: String, now: UInt64) throws(SmartVMError) -> Timestamp {
        guard let time = Timestamp(words: words, now: now) else {
            throw SmartVMError(
                .invalidConfiguration, "'\(words)' is no time.",
                cure: "Write it as 2026-11-21T10:46:00Z, as 1795257960 (seconds since 1970), or as 10m (ago).")
        }
        return time
    }

    private init?(unix text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isDigit) }),
            let seconds = UInt64(parts[0]), seconds < UInt64.max / 1_000_000_000 - 1
        else { return nil }
        let decimals = parts.count == 2 ? (parts[1] + "000000000").prefix(9) : "0"
        self.init(nanoseconds: seconds * 1_000_000_000 + (UInt64(decimals) ?? 0))
    }

    private init?(dateAndTime text: String) {
        var text = text[...]
        var offset: Int64 = 0
        if text.utf8.count == 10 { text += "T00:00:00" }
        if let last = text.utf8.last, last == UInt8(ascii: "Z") || last == UInt8(ascii: "z") {
            text = text.dropLast()
        } else if let seconds = Self.offset(String(text.suffix(6))), text.utf8.count > 16 {
            text = text.dropLast(6)
            offset = seconds
        }
        guard let local = Timestamp(text.replacing("t", with: "T") + "Z") else { return nil }
        // At either end of what can be said the end itself is as good.
        let shift = offset.magnitude * 1_000_000_000
        let (nanoseconds, isBeyond) =
            offset > 0
            ? local.nanoseconds.subtractingReportingOverflow(shift) : local.nanoseconds.addingReportingOverflow(shift)
        self.init(nanoseconds: isBeyond ? (offset > 0 ? 0 : .max) : nanoseconds)
    }

    /// The seconds of `+01:00`.
    private static func offset(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
            bytes[3] == UInt8(ascii: ":"), (bytes[1...2] + bytes[4...5]).allSatisfy(isDigit),
            let hours = Int64(String(decoding: bytes[1...2], as: UTF8.self)), hours < 24,
            let minutes = Int64(String(decoding: bytes[4...5], as: UTF8.self)), minutes < 60
        else { return nil }
        return (bytes[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    private static func nanoseconds(ofDuration text: String) -> UInt64? {
        var rest = text[...]
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            let scales = ["ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86_400e9]
            guard let value = Double(number), let scale = scales[String(unit)] else { return nil }
            total += value * scale
        }
        return text.isEmpty || total >= 1e19 ? nil : UInt64(total)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
