/// How many TCP connections all published ports of a VM have together; when there are as many as may be, further ones wait in the
/// listeners' queues.
final class StreamLimit {
    static let maximumConnections = 512

    private let limit: Int
    private var forwarders: [StreamForwarder] = []
    private var connections = 0

    init(_ limit: Int) {
        self.limit = limit
    }

    func add(_ forwarder: StreamForwarder) {
        forwarders.append(forwarder)
    }

    var hasRoom: Bool { connections < limit }

    func connectionBegan() {
        connections += 1
        if !hasRoom { for forwarder in forwarders { forwarder.listen(false) } }
    }

    func connectionEnded() {
        connections -= 1
        for forwarder in forwarders { forwarder.listen(true) }
    }
}
