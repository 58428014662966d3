internal import FirecrackerAPI

/// The receiving side of one connection: bytes in, requests out.
///
/// Theory of operation. Firecracker's HTTP library reads at most 1024 bytes at a time into a buffer of that size, in
/// which one line must fit, and its answers to broken requests follow from that: a header line that is too long is
/// refused once for each piece that fills the buffer, and what stands in the buffer behind a fault is dropped while the
/// state stays as it was. So this reader has the same buffer, and its owner offers it as many bytes as ``room`` says.
/// It does no I/O.
struct HTTPRequestReader {
    static let bufferSize = 1024

    enum Arrival: Hashable {
        case request(HTTPRequest)
        /// The client waits for `100 Continue` before it sends the body.
        case expectsContinue
        case fault(HTTPFault)
    }

    private enum State {
        case requestLine
        case headers
        case body
    }

    /// The longest body, in bytes.
    let payloadLimit: Int
    private var state = State.requestLine
    /// The beginning of a line whose end has not come yet.
    private var buffer: [UInt8] = []
    private var request = HTTPRequest(method: .get, path: "", body: nil)
    private var headers = HTTPHeaders()
    private var body: [UInt8] = []

    init(payloadLimit: Int) {
        self.payloadLimit = payloadLimit
    }

    /// How many bytes can be taken now; at least 1.
    var room: Int { Self.bufferSize - buffer.count }

    /// Takes bytes, at most ``room``.
    mutating func receive(_ bytes: some Collection<UInt8>) -> [Arrival] {
        let kept = buffer
        var rest = (buffer + bytes)[...]
        buffer = []
        var events: [Arrival] = []
        do throws(HTTPFault) {
            while try step(&rest, &events) {}
        } catch {
            // What was in the buffer before stays, what came now is dropped, and so are the requests that came with it.
            buffer = kept
            events.removeAll { if case .request = $0 { true } else { false } }
            events.append(.fault(error))
        }
        return events
    }

    /// Takes one line or the body from `rest`; false if it needs more bytes.
    private mutating func step(_ rest: inout ArraySlice<UInt8>, _ events: inout [Arrival]) throws(HTTPFault) -> Bool {
        switch state {
        case .body:
            let piece = rest.prefix(Int(headers.contentLength) - body.count)
            body += piece
            rest = rest.dropFirst(piece.count)
            guard body.count == Int(headers.contentLength) else { return false }
            request.body = body
            body = []
            state = .requestLine
            events.append(.request(request))
            return true
        case .requestLine:
            guard let line = line(&rest) else {
                if rest.count == Self.bufferSize { throw .invalidRequest }
                buffer = Array(rest)
                return false
            }
            request = try HTTPRequest.parse(line).request
            headers = HTTPHeaders()
            state = .headers
            return true
        case .headers:
            guard let line = line(&rest) else {
                if rest.count == Self.bufferSize {
                    throw .header("Invalid content length. Header: \(String(decoding: rest, as: UTF8.self))")
                }
                buffer = Array(rest)
                return false
            }
            if line.isEmpty { try endHeaders(&events) } else { try headers.parse(line) }
            return true
        }
    }

    private mutating func endHeaders(_ events: inout [Arrival]) throws(HTTPFault) {
        guard headers.contentLength > 0 else {
            state = .requestLine
            events.append(.request(request))
            return
        }
        guard Int(headers.contentLength) <= payloadLimit else {
            throw HTTPFault(
                message: "Request payload with size \(headers.contentLength) is larger than the limit of "
                    + "\(payloadLimit) allowed by server.")
        }
        if headers.expectsContinue { events.append(.expectsContinue) }
        state = .body
    }

    /// The next line without its CR LF.
    private func line(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        var index = rest.startIndex
        while index + 1 < rest.endIndex {
            if rest[index] == 0x0d, rest[index + 1] == 0x0a {
                let line = Array(rest[..<index])
                rest = rest[(index + 2)...]
                return line
            }
            index += 1
        }
        return nil
    }
}
