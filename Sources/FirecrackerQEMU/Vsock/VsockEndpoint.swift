internal import Glibc
internal import Linux

/// A Unix socket that is, or is about to be, one end of a connection with the guest.
final class VsockEndpoint {
    let number: UInt64
    let socket: Linux.Descriptor
    /// Nil while the client has not said which port it wants.
    var connection: VsockConnection?
    var request = VsockConnectRequest()
    /// Whether a read may find something: edge-triggered, so that it stays true until a read finds nothing.
    var isReadable = false
    /// Whether the host's side has said that it will send no more.
    var hasHungUp = false
    /// Whether the epoll tells when it takes more.
    var isRoomWatched = false
    /// Whether it stands in the line of those that the guest is to hear of.
    var isQueued = false
    /// What the socket did not take: at most the connection's capacity.
    private var leftover: [UInt8] = []
    private var leftoverStart = 0

    init(_ number: UInt64, _ socket: consuming Linux.Descriptor) {
        self.number = number
        self.socket = socket
    }

    var ports: VsockMuxer.Ports? {
        connection.map { VsockMuxer.Ports(host: $0.hostPort, guest: $0.guestPort) }
    }

    var hasLeftover: Bool { leftoverStart < leftover.count }

    /// Whether the guest is to hear of it.
    var isReady: Bool {
        guard let connection else { return false }
        return !connection.pending.isEmpty || (isReadable && connection.mayCarryData && connection.credit > 0)
    }

    /// Gives bytes to the socket, behind those that still wait. How many it took; the others wait.
    func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let taken = hasLeftover ? 0 : try sendNow(bytes)
        if taken < bytes.count {
            if leftoverStart >= leftover.count / 2 {
                leftover.removeFirst(leftoverStart)
                leftoverStart = 0
            }
            leftover += UnsafeRawBufferPointer(rebasing: bytes[taken...])
        }
        return taken
    }

    /// Gives the socket what waits. How many bytes it took.
    func flush() throws(Errno) -> Int {
        guard hasLeftover else { return 0 }
        let start = leftoverStart
        let result: Result<Int, Errno> = leftover.withUnsafeBytes { bytes in
            do throws(Errno) {
                return .success(try sendNow(UnsafeRawBufferPointer(rebasing: bytes[start...])))
            } catch {
                return .failure(error)
            }
        }
        let taken = try result.get()
        leftoverStart += taken
        if !hasLeftover {
            leftover = []
            leftoverStart = 0
        }
        return taken
    }

    private func sendNow(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        var taken = 0
        while taken < bytes.count {
            do throws(Errno) {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
                let value = socket.rawValue
                taken += try systemCall { Glibc.send(value, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL)) }
            } catch {
                if error == .wouldBlock { return taken }
                throw error
            }
        }
        return taken
    }

    /// Reads what is there; nil if nothing is, 0 at the end.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        do throws(Errno) {
            let value = socket.rawValue
            return try systemCall { recv(value, buffer.baseAddress, buffer.count, 0) }
        } catch {
            guard error == .wouldBlock else { throw error }
            isReadable = false
            return nil
        }
    }

    /// Reads the client's line as far as it is there, and nothing behind it.
    func readRequest() -> VsockConnectRequest.Outcome {
        let value = socket.rawValue
        return withUnsafeTemporaryAllocation(byteCount: VsockConnectRequest.maximumLength, alignment: 1) { buffer in
            while true {
                let seen = recv(value, buffer.baseAddress, request.room, Int32(MSG_PEEK))
                if seen < 0, Errno.current == .interrupted { continue }
                if seen < 0, Errno.current == .wouldBlock { return .incomplete }
                guard seen > 0 else { return .malformed }
                let end = buffer[..<seen].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? seen
                guard recv(value, buffer.baseAddress, end, 0) == end else { return .malformed }
                let outcome = request.append(buffer[..<end])
                if outcome != .incomplete { return outcome }
            }
        }
    }

    /// Takes what the host has sent and nobody will read, so that closing does not look like a failure to it.
    func discardInput() {
        let value = socket.rawValue
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 16) { buffer in
            for _ in 0..<64 where recv(value, buffer.baseAddress, buffer.count, 0) <= 0 { return }
        }
    }
}
