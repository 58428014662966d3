internal import Glibc
internal import Linux

/// One client: what it has sent so far, and what it has yet to be sent.
final class APIConnection {
    let descriptor: Descriptor
    private var reader: HTTPRequestReader
    private var output: [UInt8] = []

    init(_ descriptor: consuming Descriptor, payloadLimit: Int) {
        self.descriptor = descriptor
        reader = HTTPRequestReader(payloadLimit: payloadLimit)
    }

    /// Whether answers wait for the client to read. Until then nothing more is read from it.
    var hasOutput: Bool { !output.isEmpty }

    /// Reads once, has every request answered, and sends as much as the client takes.
    ///
    /// - Returns: False if the client is gone.
    func receive(_ answer: (HTTPRequest) -> HTTPResponse) -> Bool {
        var bytes = [UInt8](repeating: 0, count: reader.room)
        let count: Int
        do throws(Errno) {
            let value = descriptor.rawValue
            count = try systemCall { bytes.withUnsafeMutableBytes { read(value, $0.baseAddress, $0.count) } }
        } catch {
            return error == .wouldBlock
        }
        guard count > 0 else { return false }
        for event in reader.receive(bytes[..<count]) {
            switch event {
            case .request(let request): output += answer(request).encoded
            case .expectsContinue: output += HTTPResponse.continue.encoded
            case .fault(let fault): output += HTTPResponse(fault).encoded
            }
        }
        return send()
    }

    /// Sends as much as the client takes; false if it is gone.
    func send() -> Bool {
        while !output.isEmpty {
            do throws(Errno) {
                let value = descriptor.rawValue
                let count = try systemCall {
                    output.withUnsafeBytes { Glibc.send(value, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                }
                output.removeFirst(count)
            } catch {
                return error == .wouldBlock
            }
        }
        return true
    }
}
