/// What is left in the buckets of one interface.
struct NetworkLevels: Hashable, Sendable {
    var receive = LimiterLevels()
    var send = LimiterLevels()
}

extension NetworkLevels {
    /// Takes those of an interface out of all that a snapshot keeps.
    init(of id: String, in limiters: [String: LimiterLevels]) {
        self.init(
            receive: limiters["net_\(id)_rx"] ?? LimiterLevels(), send: limiters["net_\(id)_tx"] ?? LimiterLevels())
    }

    /// By the names under which a snapshot keeps them.
    func named(_ id: String) -> [String: LimiterLevels] {
        ["net_\(id)_rx": receive, "net_\(id)_tx": send].filter { $0.value != LimiterLevels() }
    }
}
