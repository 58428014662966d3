internal import FirecrackerAPI

/// What is left in the budgets of a rate limiter: what a snapshot keeps of it, so that a guest gains nothing by being saved.
public struct LimiterLevels: Hashable, Sendable {
    public var bandwidth: Bucket?
    public var operations: Bucket?

    public init(bandwidth: Bucket? = nil, operations: Bucket? = nil) {
        self.bandwidth = bandwidth
        self.operations = operations
    }

    public struct Bucket: Hashable, Sendable {
        public var budget: UInt64
        public var oneTimeBurst: UInt64
        /// Nanoseconds since `budget` was right.
        public var age: UInt64

        public init(budget: UInt64, oneTimeBurst: UInt64, age: UInt64) {
            self.budget = budget
            self.oneTimeBurst = oneTimeBurst
            self.age = age
        }
    }
}

// MARK: As JSON

extension LimiterLevels {
    var json: JSONValue {
        var members = JSONObject()
        members["bandwidth"] = bandwidth?.json
        members["ops"] = operations?.json
        return .object(members)
    }

    init(_ value: JSONValue) {
        self.init(
            bandwidth: value["bandwidth"].flatMap(Bucket.init), operations: value["ops"].flatMap(Bucket.init))
    }
}

extension LimiterLevels.Bucket {
    fileprivate var json: JSONValue {
        .members([
            "budget": .unsigned(budget), "one_time_burst": .unsigned(oneTimeBurst), "elapsed_ns": .unsigned(age),
        ])
    }

    fileprivate init?(_ value: JSONValue) {
        guard let budget = value["budget"]?.unsigned, let burst = value["one_time_burst"]?.unsigned,
            let age = value["elapsed_ns"]?.unsigned
        else { return nil }
        self.init(budget: budget, oneTimeBurst: burst, age: age)
    }
}
