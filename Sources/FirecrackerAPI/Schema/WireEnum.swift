/// An enum that stands in JSON as one of a few names; the order of its cases is the order in which faults list them.
public protocol WireEnum: WireValue, RawRepresentable, CaseIterable, Hashable where RawValue == String {}

extension WireEnum {
    /// How it stands in JSON.
    public static var codec: Codec<Self> {
        Codec(
            decode: { (reader) throws(JSONFault) in try reader.readVariant() },
            encode: { $1.string($0.rawValue) })
    }
}

extension JSONReader {
    /// Reads the name of an enum's case, bare or in the form `{"Name": null}`.
    mutating func readVariant<Variant: WireEnum>() throws(JSONFault) -> Variant {
        switch try startOfValue() {
        case UInt8(ascii: "\""):
            return try readVariantName()
        case UInt8(ascii: "{"):
            let variant: Variant = try nested { (reader) throws(JSONFault) in
                _ = try reader.startOfValue()
                let variant: Variant = try reader.readVariantName()
                try reader.readColon()
                _ = try reader.startOfValue()
                guard try reader.readNull() else { throw reader.invalidType(expected: "unit") }
                return variant
            }.get()
            guard let byte = skipWhitespace() else { throw fault("EOF while parsing an object") }
            guard byte == UInt8(ascii: "}") else { throw fault("expected value") }
            index += 1
            return variant
        default:
            throw faultAtPeek("expected value")
        }
    }

    private mutating func readVariantName<Variant: WireEnum>() throws(JSONFault) -> Variant {
        let name = try readString(expected: "variant identifier")
        guard let variant = Variant(rawValue: name) else {
            throw positioned(.unknownVariant(name, expected: Variant.allCases.map(\.rawValue)))
        }
        return variant
    }
}
