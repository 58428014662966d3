import FirecrackerAPI
import Testing

@testable import FirecrackerQEMU

@Suite("HTTP as Firecracker reads it")
struct HTTPRequestReaderTests {
    /// Feeds bytes in pieces of at most `pieceSize`, as reads of a socket would come.
    private func events(_ bytes: [UInt8], pieceSize: Int = .max, payloadLimit: Int = 51200) -> [HTTPRequestReader
        .Arrival]
    {
        var reader = HTTPRequestReader(payloadLimit: payloadLimit)
        var rest = bytes[...]
        var events: [HTTPRequestReader.Arrival] = []
        while !rest.isEmpty {
            let piece = rest.prefix(min(pieceSize, reader.room))
            rest = rest.dropFirst(piece.count)
            events += reader.receive(piece)
        }
        return events
    }

    private func events(_ text: String, pieceSize: Int = .max) -> [HTTPRequestReader.Arrival] {
        events(Array(text.utf8), pieceSize: pieceSize)
    }

    private func request(_ method: HTTPMethod, _ path: String, _ body: String? = nil) -> HTTPRequestReader.Arrival {
        .request(HTTPRequest(method: method, path: path, body: body.map { Array($0.utf8) }))
    }

    private func fault(_ message: String) -> HTTPRequestReader.Arrival { .fault(HTTPFault(message: message)) }

    @Test(
        "A request line and what it asks for",
        arguments: [
            ("GET / HTTP/1.1", "/"), ("GET / HTTP/1.0", "/"), ("GET http://localhost/version HTTP/1.1", "/version"),
            ("GET http://localhost HTTP/1.1", ""), ("GET http:// HTTP/1.1", ""), ("GET version HTTP/1.1", ""),
            ("GET * HTTP/1.1", ""), ("GET //machine-config?x=1 HTTP/1.1", "//machine-config?x=1"),
        ])
    func requestLines(line: String, path: String) {
        #expect(events("\(line)\r\n\r\n") == [request(.get, path)])
    }

    @Test(
        "A broken request",
        arguments: [
            ("GET / HTTP/2.0\r\n\r\n", "Invalid HTTP Version: Unsupported HTTP version."),
            ("GET / http/1.1\r\n\r\n", "Invalid HTTP Version: Unsupported HTTP version."),
            ("GET / HTTP/1.1 \r\n\r\n", "Invalid HTTP Version: Unsupported HTTP version."),
            ("GET  / HTTP/1.1\r\n\r\n", "Invalid URI: Empty URI not allowed."),
            ("GARBAGE\r\n\r\n", "Invalid request."), ("\r\n\r\n", "Invalid request."),
            ("POST / HTTP/1.1\r\n\r\n", "Invalid HTTP Method: Unsupported HTTP method."),
            ("get / HTTP/1.1\r\n\r\n", "Invalid HTTP Method: Unsupported HTTP method."),
            (
                "GET / HTTP/1.1\r\nno colon here\r\n\r\n",
                "Invalid header. Reason: Header is incorrectly formatted. Key: no colon here"
            ),
            (
                "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                "Invalid header. Reason: Invalid value. Key:Content-Length; Value: -1"
            ),
            (
                "GET / HTTP/1.1\r\nContent-Length: 4294967296\r\n\r\n",
                "Invalid header. Reason: Invalid value. Key:Content-Length; Value: 4294967296"
            ),
            (
                "GET / HTTP/1.1\r\nAccept-Encoding: *;q=0\r\n\r\n",
                "Invalid header. Reason: Invalid value. Key:Accept-Encoding; Value:*;q=0"
            ),
            ("GET / HTTP/1.1\r\nAccept-Encoding:\r\n\r\n", "Invalid request."),
            (
                "PUT /mmds HTTP/1.1\r\nContent-Length: 51201\r\n\r\n",
                "Request payload with size 51201 is larger than the limit of 51200 allowed by server."
            ),
        ])
    func faults(text: String, message: String) {
        #expect(events(text) == [fault(message)])
    }

    @Test("Bytes that are no UTF-8 are told by their place")
    func encoding() {
        #expect(
            events(Array("GET / HTTP/1.1\r\nX: ".utf8) + [0xff, 0xfe] + Array("\r\n\r\n".utf8)) == [
                fault(
                    "Invalid header. Reason: Header contains invalid characters. "
                        + "Key: invalid utf-8 sequence of 1 bytes from index 3")
            ])
        #expect(
            events(Array("GET / HTTP/1.1\r\nX: ".utf8) + [0xe2, 0x82] + Array("\r\n\r\n".utf8)) == [
                fault(
                    "Invalid header. Reason: Header contains invalid characters. "
                        + "Key: incomplete utf-8 byte sequence from index 3")
            ])
        #expect(
            events(Array("GET /".utf8) + [0xff] + Array(" HTTP/1.1\r\n\r\n".utf8))
                == [fault("Invalid URI: Cannot parse URI as UTF-8.")])
    }

    @Test("What is not understood is passed over", arguments: ["Accept: text/html", "Expect: 200-ok", "X-Y: z"])
    func ignoredHeaders(header: String) {
        #expect(events("GET / HTTP/1.1\r\n\(header)\r\n\r\n") == [request(.get, "/")])
    }

    @Test("A body ends where its length says, and the next request follows", arguments: [1, 2, 7, 1024])
    func pipelining(pieceSize: Int) {
        let text = "PUT /mmds HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}GET /version HTTP/1.1\r\n\r\n"
        #expect(events(text, pieceSize: pieceSize) == [request(.put, "/mmds", "{}"), request(.get, "/version")])
    }

    @Test("A body of the largest size is taken")
    func largestBody() {
        let body = String(repeating: "a", count: 51200)
        #expect(
            events("PUT /mmds HTTP/1.1\r\nContent-Length: 51200\r\n\r\n\(body)") == [request(.put, "/mmds", body)])
    }

    @Test("A client that waits is told to go on, one without a body is not")
    func expectContinue() {
        let head = "PUT /mmds HTTP/1.1\r\nExpect: 100-continue\r\n"
        #expect(events("\(head)Content-Length: 2\r\n\r\n") == [.expectsContinue])
        #expect(events("\(head)\r\n") == [request(.put, "/mmds")])
    }

    @Test("Line feeds alone end nothing, and a short body is waited for")
    func waiting() {
        #expect(events("GET / HTTP/1.1\nHost: x\n\n") == [])
        #expect(events("PUT /mmds HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}") == [])
    }

    @Test("A fault drops what came with it, and the connection goes on")
    func faultsDrop() {
        #expect(events("GET /version HTTP/1.1\r\n\r\nBROKEN\r\n\r\n") == [fault("Invalid request.")])
        var reader = HTTPRequestReader(payloadLimit: 51200)
        #expect(reader.receive(Array("NONSENSE / HTTP/1.1\r\n\r\n".utf8)).count == 1)
        #expect(reader.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8)) == [request(.get, "/")])
    }

    @Test("A line that is too long is refused once for each buffer that it fills")
    func longLines() {
        let letters = String(repeating: "a", count: 1100)
        #expect(events("GET /\(letters) HTTP/1.1\r\n\r\n") == [fault("Invalid request."), fault("Invalid request.")])
        let shown = "X-Long: " + String(repeating: "a", count: 1016)
        let tooLong = fault("Invalid header. Reason: Invalid content length. Header: \(shown)")
        #expect(
            events("GET /version HTTP/1.1\r\nX-Long: \(letters)\r\n\r\n")
                == [tooLong, tooLong, tooLong, tooLong, request(.get, "/version")])
    }

    @Test("Random bytes never bring it down, and there is always room for more", arguments: 0..<20)
    func randomBytes(seed: UInt64) {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let words = [
            "GET", "PUT", " ", "/", "HTTP/1.1", "\r\n", "\r", "\n", ":", "Content-Length: ", "9", "x", "é", "\0",
        ]
        var reader = HTTPRequestReader(payloadLimit: 100)
        for _ in 0..<2000 {
            let word = next() % 8 == 0 ? [UInt8(truncatingIfNeeded: next())] : Array(words[Int(next() % 14)].utf8)
            _ = reader.receive(word.prefix(reader.room))
            #expect(reader.room > 0)
        }
    }
}

@Suite("Answers byte for byte")
struct HTTPResponseTests {
    private func text(_ response: HTTPResponse) -> String { String(decoding: response.encoded, as: UTF8.self) }

    @Test("Success without a body has no length")
    func noContent() {
        #expect(
            text(HTTPResponse(status: 204))
                == "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n")
    }

    @Test("A body comes with its type and length")
    func body() {
        #expect(
            text(HTTPResponse(status: 400, isDeprecated: true, body: APIFault("x\"y").encoded))
                == "HTTP/1.1 400 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\nDeprecation: true\r\n"
                + "Content-Type: application/json\r\nContent-Length: 24\r\n\r\n{\"fault_message\":\"x\\\"y\"}")
    }

    @Test("A fault of HTTP has a line break where JSON allows none")
    func httpFault() {
        #expect(
            String(decoding: HTTPFault.invalidRequest.encoded, as: UTF8.self)
                == "{ \"error\": \"Invalid request.\nAll previous unanswered requests will be dropped.\" }")
    }

    @Test("The eleventh client is told so")
    func tooMany() {
        #expect(
            String(decoding: HTTPResponse.tooManyConnections, as: UTF8.self)
                == "HTTP/1.1 503 \r\nServer: Firecracker API\r\nConnection: close\r\nContent-Length: 40\r\n\r\n"
                + "{ \"error\": \"Too many open connections\" }")
    }
}
