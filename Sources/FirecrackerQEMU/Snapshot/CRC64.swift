/// The checksum at the end of a state file: 64 bits, Jones' polynomial, as Firecracker computes it over its own files, so
/// that a damaged file of either kind is told by the same words.
struct CRC64 {
    private(set) var value: UInt64 = 0

    private static let table: [UInt64] = (0..<256).map { byte in
        (0..<8).reduce(UInt64(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x95ac_9329_ac4b_c9b5 : value >> 1 }
    }

    mutating func update(_ bytes: some Collection<UInt8>) {
        Self.table.withUnsafeBufferPointer { table in
            for byte in bytes { value = value >> 8 ^ table[Int((value ^ UInt64(byte)) & 0xff)] }
        }
    }

    /// Over all of the bytes. It is 0 exactly if the last eight are the checksum of those before, little-endian.
    static func of(_ bytes: some Collection<UInt8>) -> UInt64 {
        var crc = CRC64()
        crc.update(bytes)
        return crc.value
    }
}
