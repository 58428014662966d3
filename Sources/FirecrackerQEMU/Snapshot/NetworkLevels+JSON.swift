internal import FirecrackerAPI

extension NetworkLevels {
    var json: JSONValue {
        .object(JSONObject(limiters: [("rx", receive), ("tx", send)]))
    }

    /// Nil if it is not what ``json`` makes.
    init?(_ json: JSONValue) {
        guard case .object(let members) = json, let receive = FrameLimiter.Levels(members["rx"]),
            let send = FrameLimiter.Levels(members["tx"])
        else { return nil }
        self.init(receive: receive, send: send)
    }
}

extension JSONObject {
    fileprivate init(limiters: [(name: String, levels: FrameLimiter.Levels)]) {
        self.init()
        for (name, levels) in limiters {
            var members = JSONObject()
            for (bucket, level) in [("bandwidth", levels.bytes), ("ops", levels.frames)] {
                guard let level else { continue }
                members[bucket] = .array([.unsigned(level.budget), .unsigned(level.burst), .unsigned(level.age)])
            }
            self[name] = .object(members)
        }
    }
}

extension FrameLimiter.Levels {
    /// A limiter without buckets is an empty object.
    fileprivate init?(_ json: JSONValue?) {
        guard case .object(let members)? = json else { return nil }
        for (name, path) in [("bandwidth", \Self.bytes), ("ops", \Self.frames)] {
            guard let value = members[name] else { continue }
            guard let level = RefillingBucket.Level(value) else { return nil }
            self[keyPath: path] = level
        }
    }
}

extension RefillingBucket.Level {
    fileprivate init?(_ json: JSONValue) {
        guard case .array(let values) = json, case let numbers = values.compactMap(\.unsigned), numbers.count == 3,
            values.count == 3
        else { return nil }
        self.init(budget: numbers[0], burst: numbers[1], age: numbers[2])
    }
}
