internal import Linux

/// What is worth telling whoever looks into `supervisor.log`, within limits: what guests and servers do must not fill a disk.
final class ServiceLog {
    private static let maximumMessages = 100

    private var left = maximumMessages

    func note(_ message: String) {
        guard left > 0 else { return }
        left -= 1
        try? Descriptor.duplicate(2).writeAll(Array("smartvm-supervisor: \(message)\n".utf8))
    }
}
