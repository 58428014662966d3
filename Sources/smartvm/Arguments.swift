import ArgumentParser
import SmartVM

/// An amount of memory as docker and podman take it, in whole MiB: `512`, `512m`, `2g`.
struct MemoryArgument: ExpressibleByArgument, Equatable {
    var mebibytes: Int

    init(mebibytes: Int) {
        self.mebibytes = mebibytes
    }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let unit = argument.dropFirst(digits.count).lowercased()
        guard let number = Int(digits) else { return nil }
        let scale: (multiply: Int, divide: Int)
        switch unit {
        case "", "m", "mb", "mib": scale = (1, 1)
        case "g", "gb", "gib": scale = (1024, 1)
        case "k", "kb", "kib": scale = (1, 1024)
        case "b": scale = (1, 1 << 20)
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: scale.multiply)
        if overflow { return nil }
        mebibytes = product / scale.divide
    }

    var defaultValueDescription: String { "\(mebibytes)" }
}

/// A length of time: seconds (`90`, `1.5`), or numbers with units (`500ms`, `2m`, `1h30m`).
struct DurationArgument: ExpressibleByArgument, Equatable {
    var duration: Duration

    init(duration: Duration) {
        self.duration = duration
    }

    init?(argument: String) {
        if let seconds = Double(argument), seconds.isFinite, seconds >= 0, seconds < 1e9 {
            duration = .seconds(seconds)
            return
        }
        guard !argument.isEmpty else { return nil }
        var rest = argument[...]
        var total = Duration.zero
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(number), value.isFinite, value < 1e9 else { return nil }
            switch unit {
            case "ms": total += .milliseconds(value)
            case "s": total += .seconds(value)
            case "m": total += .seconds(value * 60)
            case "h": total += .seconds(value * 3600)
            case "d": total += .seconds(value * 86400)
            default: return nil
            }
        }
        duration = total
    }

    var defaultValueDescription: String {
        "\(duration.components.seconds)s"
    }
}
