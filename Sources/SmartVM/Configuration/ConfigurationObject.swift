internal import FirecrackerAPI

/// A part of a configuration that stands in JSON as an object.
///
/// Theory of operation. Each such type has one table of its keys: what they are called, which property holds their value, and since which
/// release of Firecracker there is one. Reading, writing, the sentence for a wrong type or an unknown key, and the question which
/// release a configuration needs are all answered by walking the tables; so none of them can forget a key. Reading does not stop at
/// the first mistake: a key that cannot be read keeps its default, and everything else is read and judged.
protocol ConfigurationObject: ConfigurationValue {
    /// The defaults, which reading starts from.
    static var initial: Self { get }

    static var keys: [ConfigurationKey<Self>] { get }
}

/// A key of an object.
struct ConfigurationKey<Model: ConfigurationObject>: Sendable {
    typealias Property<Value> = WritableKeyPath<Model, Value> & Sendable

    let name: String
    let read: @Sendable (JSONValue, ConfigurationPath, inout Model, inout [ConfigurationProblem]) -> Void
    /// Nil: the key is left out.
    let json: @Sendable (Model) -> JSONValue?
    let requirements: @Sendable (Model, ConfigurationPath) -> [ConfigurationRequirement]
    let texts: @Sendable (Model, ConfigurationPath) -> [(path: ConfigurationPath, text: String)]

    /// A key whose property always has a value; it is written unless that is `default`.
    static func value<Value: ConfigurationValue>(
        _ name: String, _ property: any Property<Value>, default: Value? = nil, since: FirecrackerVersion? = nil
    ) -> Self {
        key(name, since, get: { $0[keyPath: property] }, isShown: { $0 != `default` }) { model, value in
            model[keyPath: property] = value
        }
    }

    /// A key that may be absent or null.
    static func optional<Value: ConfigurationValue>(
        _ name: String, _ property: any Property<Value?>, since: FirecrackerVersion? = nil
    ) -> Self {
        key(name, since, get: { $0[keyPath: property] }, isShown: { _ in true }) { model, value in
            model[keyPath: property] = value
        }
    }

    private static func key<Value: ConfigurationValue>(
        _ name: String, _ since: FirecrackerVersion?, get: @escaping @Sendable (Model) -> Value?,
        isShown: @escaping @Sendable (Value) -> Bool, set: @escaping @Sendable (inout Model, Value) -> Void
    ) -> Self {
        Self(
            name: name,
            read: { json, path, model, problems in
                // JavaScript's JSON has null where a value is undefined.
                guard json != .null, let value = Value.read(json, at: path, &problems) else { return }
                set(&model, value)
            },
            json: { model in get(model).flatMap { isShown($0) ? $0.json : nil } },
            requirements: { model, path in
                guard let value = get(model), isShown(value) else { return [] }
                let own = since.map { [ConfigurationRequirement(path: path, since: $0)] } ?? []
                return own + value.requirements(at: path)
            },
            texts: { model, path in get(model)?.texts(at: path) ?? [] })
    }
}

extension ConfigurationObject {
    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> Self? {
        guard case .object(let object) = json else {
            problems.append(.init(path: path, text: "must be an object"))
            return nil
        }
        var model = initial
        for member in object.members {
            if let key = keys.first(where: { $0.name == member.name }) {
                key.read(member.value, path.key(key.name), &model, &problems)
            } else {
                problems.append(.unknownKey(member.name, of: path, known: keys.map(\.name)))
            }
        }
        return model
    }

    var json: JSONValue {
        var object = JSONObject()
        for key in Self.keys { object[key.name] = key.json(self) }
        return .object(object)
    }

    func requirements(at path: ConfigurationPath) -> [ConfigurationRequirement] {
        Self.keys.flatMap { $0.requirements(self, path.key($0.name)) }
    }

    func texts(at path: ConfigurationPath) -> [(path: ConfigurationPath, text: String)] {
        Self.keys.flatMap { $0.texts(self, path.key($0.name)) }
    }
}
