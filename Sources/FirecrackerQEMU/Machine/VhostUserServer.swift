internal import Glibc
internal import Linux

/// Another process that serves a drive by the vhost-user protocol.
enum VhostUserServer {
    /// Asks for its features, as any front end does first and may do again. False if it does not answer as the protocol has it.
    ///
    /// - Parameter socket: Connected to it, with nothing said yet.
    static func answers(on socket: Int32, within limit: Duration) -> Bool {
        // VHOST_USER_GET_FEATURES, version 1, no payload; the answer has 8 bytes of it.
        let request: [UInt32] = [1, 1, 0]
        let sent = request.withUnsafeBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        guard sent == 12 else { return false }
        let deadline = ContinuousClock.now + limit
        var answer: [UInt8] = []
        while answer.count < 20 {
            let left = (deadline - ContinuousClock.now) / .milliseconds(1)
            var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&watched, 1, Int32(left) + 1) > 0 else { return false }
            var bytes = [UInt8](repeating: 0, count: 20 - answer.count)
            let count = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
            guard count > 0 else { return false }
            answer += bytes[..<count]
        }
        return answer[0] == 1 && answer[8] == 8
    }
}
