// Numbers in the order of the network. Whoever reads has checked that the bytes are there.

extension ArraySlice<UInt8> {
    /// The number whose first byte stands `offset` bytes behind the slice's first.
    func integer<Value: FixedWidthInteger & UnsignedInteger>(_ offset: Int, as type: Value.Type) -> Value {
        let start = startIndex + offset
        return self[start..<(start + Value.bitWidth / 8)].reduce(0) { $0 << 8 | Value($1) }
    }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger & UnsignedInteger>(bigEndian value: Value) {
        for place in stride(from: Value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> Value(place)))
        }
    }

    /// Puts a number over two bytes that are there.
    mutating func put(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}

/// The sum that headers of the Internet's protocols are checked by (RFC 1071).
struct InternetChecksum {
    private var sum: UInt32 = 0

    /// Takes bytes; only the last that are taken may be of an odd number.
    mutating func add(_ bytes: some Collection<UInt8>) {
        var isHigh = true
        for byte in bytes {
            sum += isHigh ? UInt32(byte) << 8 : UInt32(byte)
            isHigh.toggle()
            // Long before it could overflow.
            if sum >> 31 != 0 { sum = sum & 0xffff + sum >> 16 }
        }
    }

    var value: UInt16 {
        var folded = sum
        while folded >> 16 != 0 { folded = folded & 0xffff + folded >> 16 }
        return ~UInt16(truncatingIfNeeded: folded)
    }
}
