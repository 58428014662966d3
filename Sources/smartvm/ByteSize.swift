/// A number of bytes as people read it: in steps of 1024, three digits or so.
struct ByteSize: CustomStringConvertible {
    private let bytes: Int64

    init(_ bytes: some BinaryInteger) {
        self.bytes = max(0, Int64(clamping: bytes))
    }

    /// `0 B`, `1.2 KiB`, `123 MiB`.
    var description: String {
        let (number, unit) = rounded
        return unit.isEmpty ? "\(number) B" : "\(number) \(unit)iB"
    }

    /// The same in at most five characters: `0B`, `1.2K`, `123M`.
    var short: String {
        let (number, unit) = rounded
        return number + (unit.isEmpty ? "B" : unit)
    }

    private var rounded: (number: String, unit: String) {
        if bytes < 1024 { return ("\(bytes)", "") }
        var value = Double(bytes)
        var units = ["", "K", "M", "G", "T", "P", "E"][...]
        while value >= 1023.5, units.count > 1 {
            value /= 1024
            units.removeFirst()
        }
        // As it is rounded: 9.96 has two digits before the point then.
        let tenths = Int((value * 10).rounded())
        return (value < 9.95 ? "\(tenths / 10).\(tenths % 10)" : "\(Int(value.rounded()))", units.first ?? "")
    }
}
