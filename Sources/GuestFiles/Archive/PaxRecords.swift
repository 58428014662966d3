/// The records of a pax header: `LENGTH KEY=VALUE` and a line's end, where the length is that of the whole record.
struct PaxRecords {
    private(set) var bytes: [UInt8] = []

    var isEmpty: Bool { bytes.isEmpty }

    init() {}

    mutating func append(_ key: String, _ value: String) {
        append(key, Array(value.utf8))
    }

    mutating func append(_ key: String, _ value: [UInt8]) {
        let rest = key.utf8.count + value.count + 3
        // The length counts its own digits.
        var length = rest + 1
        while length != rest + String(length).utf8.count { length = rest + String(length).utf8.count }
        bytes.append(contentsOf: "\(length) \(key)=".utf8)
        bytes.append(contentsOf: value)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// The values of a header that has arrived, by their keys.
    static func parse(_ bytes: [UInt8]) throws(TransferError) -> [String: [UInt8]] {
        var values: [String: [UInt8]] = [:]
        var rest = bytes[...]
        while let first = rest.first, first != 0 {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")), space - rest.startIndex <= 8,
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length <= rest.count,
                length > space - rest.startIndex + 1, rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
            else { throw .malformed("a pax record has the wrong length") }
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw .malformed("a pax record has no value")
            }
            values[String(decoding: record[..<equals], as: UTF8.self)] = Array(record[(equals + 1)...])
            rest = rest.dropFirst(length)
        }
        return values
    }
}

/// A time as pax writes it: seconds since 1970 as a decimal fraction, which may be negative.
struct PaxTime: Equatable {
    /// Rounded down.
    var seconds: Int64
    var nanoseconds: Int64

    init(nanoseconds all: Int64) {
        seconds = all >= 0 ? all / 1_000_000_000 : -((999_999_999 - all) / 1_000_000_000)
        nanoseconds = all - seconds * 1_000_000_000
    }

    /// nil: no time, or one that is hundreds of years away.
    init?(text: [UInt8]) {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, let value = Int64(String(decoding: whole, as: UTF8.self)),
            abs(value.multipliedReportingOverflow(by: 1_000_000_000).overflow ? .max : value) < 9_000_000_000
        else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2 {
            guard parts[1].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
            let digits = Array(parts[1].prefix(9))
            fraction = digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
            for _ in digits.count..<9 { fraction *= 10 }
        }
        let isNegative = whole.first == UInt8(ascii: "-")
        self.init(nanoseconds: value * 1_000_000_000 + (isNegative ? -fraction : fraction))
    }

    var text: String {
        let all = seconds * 1_000_000_000 + nanoseconds
        let digits = String(abs(all % 1_000_000_000))
        let fraction = String(repeating: "0", count: 9 - digits.count) + digits
        return (all < 0 ? "-" : "") + "\(abs(all / 1_000_000_000)).\(fraction)"
    }

    /// In all; nil if that is more than a number of 64 bits holds.
    var total: Int64? {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : product + nanoseconds
    }
}
