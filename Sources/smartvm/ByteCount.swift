import ArgumentParser

/// Numbers of bytes as people read and write them: in steps of 1024.
enum ByteCount {
    /// At most five characters: `0B`, `512B`, `1.2K`, `123M`, `1023G`.
    static func text(_ bytes: Int64) -> String {
        let bytes = max(0, bytes)
        if bytes < 1024 { return "\(bytes)B" }
        var value = Double(bytes)
        var unit = 0
        while value >= 1023.5, unit < 6 {
            value /= 1024
            unit += 1
        }
        let letter = Array("BKMGTPE")[unit]
        // As it is rounded: 9.96 has two digits before the point then.
        guard value < 9.95 else { return "\(Int(value.rounded()))\(letter)" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)\(letter)"
    }
}

/// A rate as docker takes it: bytes per second, `10m`, `512k`; 0 is no limit.
struct RateArgument: ExpressibleByArgument, Equatable {
    var bytes: Int

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let shift: Int
        switch argument.dropFirst(digits.count).lowercased() {
        case "", "b": shift = 0
        case "k", "kb", "kib": shift = 10
        case "m", "mb", "mib": shift = 20
        case "g", "gb", "gib": shift = 30
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        if overflow { return nil }
        bytes = product
    }
}
