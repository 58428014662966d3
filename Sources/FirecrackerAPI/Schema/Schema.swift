/// All that is known of how a model stands in JSON, said once: decoding, encoding and the words of every fault follow
/// from it.
public struct Schema<Model: Sendable>: Sendable {
    /// The name that faults call it by.
    let name: String
    /// In the order of the array form, and of the list in "expected one of".
    let fields: [Field<Model>]
    /// Whether members of other names are passed over instead of refused.
    let ignoresUnknownFields: Bool
    /// What decoding starts from: the defaults. What is required is always overwritten.
    let initial: Model

    package init(_ name: String, initial: Model, ignoresUnknownFields: Bool = false, _ fields: [Field<Model>]) {
        self.name = name
        self.initial = initial
        self.ignoresUnknownFields = ignoresUnknownFields
        self.fields = fields
    }

    var codec: Codec<Model> {
        Codec(
            decode: { (reader) throws(JSONFault) in try decode(&reader) },
            encode: { encode($0, &$1) })
    }

    func encode(_ model: Model, _ writer: inout JSONWriter) {
        writer.object { writer in
            for field in fields { field.encode(model, &writer) }
        }
    }

    func decode(_ reader: inout JSONReader) throws(JSONFault) -> Model {
        try reader.readContainer([.object, .array], expected: "struct \(name)") { (reader, kind) throws(JSONFault) in
            try kind == .object ? decodeMembers(&reader) : decodeElements(&reader)
        }
    }

    private func decodeMembers(_ reader: inout JSONReader) throws(JSONFault) -> Model {
        var model = initial
        var seen = Set<Int>()
        var isFirst = true
        while try reader.hasMember(&isFirst) {
            let name = try reader.readName()
            guard let index = fields.firstIndex(where: { $0.name == name }) else {
                guard ignoresUnknownFields || reader.skipsUnknownFields else {
                    throw .unknownField(name, expected: fields.map(\.name))
                }
                try reader.readColon()
                try reader.skipValue()
                continue
            }
            guard seen.insert(index).inserted else { throw .duplicateField(name) }
            try reader.readColon()
            try fields[index].decode(&reader, &model)
        }
        for (index, field) in fields.enumerated() where field.presence == .required && !seen.contains(index) {
            throw .missingField(field.name)
        }
        return model
    }

    private func decodeElements(_ reader: inout JSONReader) throws(JSONFault) -> Model {
        var model = initial
        var isFirst = true
        for (index, field) in fields.enumerated() {
            guard try reader.hasElement(&isFirst) else {
                if field.presence == .defaulted { continue }
                let elements = fields.count == 1 ? "1 element" : "\(fields.count) elements"
                throw .invalidLength(index, expected: "struct \(name) with \(elements)")
            }
            try field.decode(&reader, &model)
        }
        return model
    }
}

/// A value of the API with a schema.
public protocol WireModel: WireValue, Hashable {
    /// How it stands in JSON.
    static var schema: Schema<Self> { get }
}

extension WireModel {
    /// How it stands in JSON.
    public static var codec: Codec<Self> { schema.codec }

    /// Compact JSON text.
    ///
    /// - Parameter showsNulls: Whether what is nil is written as null, as answers do; requests leave it out.
    public func json(showsNulls: Bool) -> [UInt8] {
        var writer = JSONWriter(showsNulls: showsNulls)
        Self.schema.encode(self, &writer)
        return writer.bytes
    }

    /// Reads JSON text.
    ///
    /// - Parameter skipsUnknownFields: Whether members that this version does not know are passed over.
    public init(decoding bytes: [UInt8], skipsUnknownFields: Bool = false) throws(JSONFault) {
        self = try JSONReader.read(bytes, skipsUnknownFields: skipsUnknownFields) { (reader) throws(JSONFault) in
            try Self.schema.decode(&reader)
        }
    }
}
