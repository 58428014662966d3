/// One member of a model: its name on the wire, the property that holds it, and what is allowed.
public struct Field<Model: Sendable>: Sendable {
    /// What it means that the member is absent.
    enum Presence {
        /// A fault.
        case required
        /// The property keeps its default.
        case defaulted
        /// The property is nil; in the form of an array, however, the element must be there.
        case nullable
    }

    let name: String
    let presence: Presence
    let decode: @Sendable (inout JSONReader, inout Model) throws(JSONFault) -> Void
    /// Writes name and value; nothing where the member is left out.
    let encode: @Sendable (Model, inout JSONWriter) -> Void

    /// What a field is kept in.
    public typealias Property<Value> = WritableKeyPath<Model, Value> & Sendable

    /// A member that must be there.
    package static func required<Value: Sendable>(
        _ name: String, _ property: any Property<Value>, _ codec: Codec<Value>
    ) -> Field {
        plain(name, property, codec, .required)
    }

    package static func required<Value: WireValue>(_ name: String, _ property: any Property<Value>) -> Field {
        plain(name, property, Value.codec, .required)
    }

    /// A member that may be absent but not null: the model's initial value has the default.
    package static func defaulted<Value: Sendable>(
        _ name: String, _ property: any Property<Value>, _ codec: Codec<Value>
    ) -> Field {
        plain(name, property, codec, .defaulted)
    }

    package static func defaulted<Value: WireValue>(_ name: String, _ property: any Property<Value>) -> Field {
        plain(name, property, Value.codec, .defaulted)
    }

    private static func plain<Value: Sendable>(
        _ name: String, _ property: any Property<Value>, _ codec: Codec<Value>, _ presence: Presence
    ) -> Field {
        Field(
            name: name, presence: presence,
            decode: { (reader, model) throws(JSONFault) in model[keyPath: property] = try codec.decode(&reader) },
            encode: { model, writer in
                writer.name(name)
                codec.encode(model[keyPath: property], &writer)
            })
    }

    /// A member that may be absent but not null, and that a request leaves out where it has the default: a Firecracker
    /// that is older than the member refuses its very name.
    package static func sparse<Value: WireValue & Equatable>(
        _ name: String, _ property: any Property<Value>, default value: Value
    ) -> Field {
        let whole = defaulted(name, property)
        return Field(
            name: name, presence: .defaulted, decode: whole.decode,
            encode: { model, writer in
                if writer.showsNulls || model[keyPath: property] != value { whole.encode(model, &writer) }
            })
    }

    /// A member that may be absent or null.
    ///
    /// - Parameters:
    ///   - isElementOptional: Whether it may also be absent in the form of an array.
    ///   - isShownAsNull: Whether an answer shows nil as null; otherwise the member is left out.
    package static func optional<Value: Sendable>(
        _ name: String, _ property: any Property<Value?>, _ codec: Codec<Value>, isElementOptional: Bool = false,
        isShownAsNull: Bool = true
    ) -> Field {
        Field(
            name: name, presence: isElementOptional ? .defaulted : .nullable,
            decode: { (reader, model) throws(JSONFault) in
                model[keyPath: property] = try reader.readNull() ? nil : try codec.decode(&reader)
            },
            encode: { model, writer in
                if let value = model[keyPath: property] {
                    writer.name(name)
                    codec.encode(value, &writer)
                } else if isShownAsNull, writer.showsNulls {
                    writer.name(name)
                    writer.null()
                }
            })
    }

    package static func optional<Value: WireValue>(
        _ name: String, _ property: any Property<Value?>, isElementOptional: Bool = false, isShownAsNull: Bool = true
    ) -> Field {
        optional(
            name, property, Value.codec, isElementOptional: isElementOptional, isShownAsNull: isShownAsNull)
    }
}
