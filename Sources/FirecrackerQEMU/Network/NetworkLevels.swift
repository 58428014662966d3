/// What is left in the buckets of one interface: what a snapshot keeps of it.
struct NetworkLevels: Hashable, Sendable {
    var receive = FrameLimiter.Levels()
    var send = FrameLimiter.Levels()
}
