extension [UInt8] {
    /// The little-endian integer at `offset`, which must lie within the array with all its bytes.
    func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    }
}
