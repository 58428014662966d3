/// A number of bytes as a person reads it: three digits or so, and a binary unit.
struct ByteSize: CustomStringConvertible {
    private let bytes: Int64

    init(_ bytes: some BinaryInteger) {
        self.bytes = Int64(clamping: bytes)
    }

    var description: String {
        if bytes < 1024 { return "\(bytes) B" }
        var tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024
        var units = ["KiB", "MiB", "GiB", "TiB", "PiB"][...]
        while tenths >= 10240, units.count > 1 {
            tenths /= 1024
            units.removeFirst()
        }
        let unit = units.first ?? ""
        return tenths < 1000 ? "\(tenths / 10).\(tenths % 10) \(unit)" : "\(tenths / 10) \(unit)"
    }
}
