import ArgumentParser

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
