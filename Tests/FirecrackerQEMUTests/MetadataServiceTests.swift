import FirecrackerAPI
import Testing

@testable import FirecrackerQEMU

@Suite("The metadata service")
struct MetadataServiceTests {
    static let document = """
        {"name":{"first":"John","last":"Doe"},"age":43,"tags":["a",{"b":"c"}],"a/b":"slash","~":"tilde","empty":{},
        "phones":{"home":{"RO":"+40"},"mobile":"+44","flag":true,"none":null}}
        """

    static func service(_ version: MMDSVersion = .v1, isIMDSCompatible: Bool = false) throws -> MetadataService {
        var store = MetadataStore(sizeLimit: 51200)
        try store.put(try JSONValue(decoding: Array(document.utf8)))
        store.version = version
        store.isIMDSCompatible = isIMDSCompatible
        return MetadataService(store: store)
    }

    struct Answer {
        var status: Int
        var headers: [String: String]
        var body: String
        var version: Substring

        init(_ response: HTTPResponse) {
            let text = String(decoding: response.encoded, as: UTF8.self)
            let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            let lines = parts[0].split(separator: "\r\n")
            version = lines[0].prefix(8)
            status = response.status
            body = parts.count > 1 ? String(parts[1]) : ""
            headers = [:]
            for line in lines.dropFirst() {
                let pair = line.split(separator: ": ", maxSplits: 1)
                headers[String(pair[0])] = pair.count > 1 ? String(pair[1]) : ""
            }
        }
    }

    static func ask(_ service: inout MetadataService, _ text: String, now: UInt64 = 0) -> Answer {
        Answer(service.answer(Array(text.utf8), now: now))
    }

    static func get(
        _ path: String, _ service: inout MetadataService, headers: String = "", now: UInt64 = 0
    ) -> Answer {
        ask(&service, "GET \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n", now: now)
    }

    @Test(
        "shows what a path leads to, in EC2's form",
        arguments: [
            ("/", 200, "a/b\nage\nempty/\nname/\nphones/\ntags\n~"),
            ("//", 200, "a/b\nage\nempty/\nname/\nphones/\ntags\n~"),
            ("/name", 200, "first\nlast"), ("/name/", 200, "first\nlast"), ("//name///first", 200, "John"),
            ("/name/first", 200, "John"), ("/name/first/", 200, "John"), ("/empty", 200, ""),
            ("/phones", 200, "flag\nhome/\nmobile\nnone"), ("/tags/0", 200, "a"), ("/tags/1/b", 200, "c"),
            ("/a~1b", 200, "slash"), ("/~0", 200, "tilde"),
            ("/age", 501, "Cannot retrieve value. The value has an unsupported type."),
            ("/tags", 501, "Cannot retrieve value. The value has an unsupported type."),
            ("/phones/none", 501, "Cannot retrieve value. The value has an unsupported type."),
            ("/nope", 404, "Resource not found: /nope."), ("/name//nope/", 404, "Resource not found: /name//nope/."),
            ("/tags/2", 404, "Resource not found: /tags/2."), ("/tags/01", 404, "Resource not found: /tags/01."),
            ("/tags/+1", 404, "Resource not found: /tags/+1."), ("/age/x", 404, "Resource not found: /age/x."),
            ("/name?x", 404, "Resource not found: /name?x."), ("http://169.254.169.254/name/last", 200, "Doe"),
            ("http://169.254.169.254", 400, "Invalid URI."), ("name", 400, "Invalid URI."),
        ])
    func listing(path: String, status: Int, body: String) throws {
        var service = try Self.service()
        let answer = Self.get(path, &service)
        #expect(answer.status == status && answer.body == body)
        #expect(answer.headers["Content-Type"] == "text/plain" && answer.headers["Connection"] == "keep-alive")
        #expect(answer.headers["Server"] == "Firecracker API")
        #expect(answer.headers["Content-Length"] == String(body.utf8.count))
    }

    @Test(
        "shows it as JSON to whoever asks for that, unless it is to be as EC2's always",
        arguments: [
            ("/name", #"{"first":"John","last":"Doe"}"#), ("/age", "43"), ("/tags", #"["a",{"b":"c"}]"#),
            ("/phones/none", "null"), ("/name/first", #""John""#), ("/empty", "{}"),
        ])
    func json(path: String, body: String) throws {
        var service = try Self.service()
        let answer = Self.get(path, &service, headers: "accept: application/json\r\n")
        #expect(answer.status == 200 && answer.body == body)
        #expect(answer.headers["Content-Type"] == "application/json")
        var compatible = try Self.service(isIMDSCompatible: true)
        let other = Self.get("/name", &compatible, headers: "Accept: application/json\r\n")
        #expect(other.body == "first\nlast" && other.headers["Content-Type"] == "text/plain")
    }

    @Test("shows nothing of an empty store")
    func emptyStore() {
        var service = MetadataService(store: MetadataStore(sizeLimit: 100))
        #expect(Self.get("/", &service).status == 501)
        #expect(Self.get("/", &service, headers: "Accept: application/json\r\n").body == "null")
        #expect(Self.get("/x", &service).status == 404)
    }

    @Test(
        "refuses what is no request in the words of Firecracker's library",
        arguments: [
            ("POST / HTTP/1.1\r\n\r\n", 501, "Unsupported HTTP method."),
            ("get / HTTP/1.1\r\n\r\n", 501, "Unsupported HTTP method."),
            ("GET / HTTP/2.0\r\n\r\n", 501, "Unsupported HTTP version."),
            ("GET  HTTP/1.1 xx\r\n\r\n", 400, "Empty URI not allowed."),
            ("GET / HTTP\r\n\r\n", 400, "Invalid request."),
            ("GET / HTTP/1.1\n\n", 400, "Invalid request."), ("GET / HTTP/1.1\r\nA: b\n\n", 400, "Invalid request."),
            ("GET / HTTP/1.1\r\nA\r\n\r\n", 400, "Header is incorrectly formatted. Key: A"),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "Invalid value. Key:Content-Length; Value: x"),
            ("GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 400, "Invalid request."),
        ])
    func broken(text: String, status: Int, body: String) throws {
        var service = try Self.service()
        let answer = Self.ask(&service, text)
        #expect(answer.status == status && answer.body == body)
        #expect(answer.version == "HTTP/1.1" && answer.headers["Content-Type"] == "application/json")
    }

    @Test("other methods are not allowed; the version of HTTP is the request's", arguments: ["PATCH", "DELETE"])
    func methods(method: String) throws {
        var service = try Self.service(.v2)
        let answer = Self.ask(&service, "\(method) /name HTTP/1.0\r\n\r\n")
        #expect(answer.status == 405 && answer.body == "Not allowed HTTP method.")
        #expect(answer.headers["Allow"] == "GET, PUT" && answer.version == "HTTP/1.0")
    }

    static func put(
        _ headers: String, path: String = "/latest/api/token", _ service: inout MetadataService, now: UInt64 = 0
    ) -> Answer {
        ask(&service, "PUT \(path) HTTP/1.1\r\n\(headers)\r\n", now: now)
    }

    @Test("gives tokens for the time that is asked for", arguments: ["X-metadata-token", "x-AWS-ec2-metadata-token"])
    func tokens(name: String) throws {
        var service = try Self.service(.v2)
        let second: UInt64 = 1_000_000_000
        let token = Self.put("\(name)-ttl-seconds: 60\r\n", &service, now: 5 * second)
        #expect(token.status == 200 && token.headers["Content-Type"] == "text/plain")
        #expect(token.body.utf8.count <= 70 && !token.body.isEmpty)
        let echoed = token.headers.first { $0.key.lowercased() == "\(name)-ttl-seconds".lowercased() }
        #expect(echoed?.value == "60")
        let header = "\(name): \(token.body)\r\n"
        #expect(Self.get("/name/first", &service, headers: header, now: 6 * second).body == "John")
        #expect(Self.get("/name/first", &service, headers: header, now: 65 * second - 1).status == 200)
        let late = Self.get("/name/first", &service, headers: header, now: 65 * second)
        #expect(late.status == 401 && late.body == "MMDS token not valid.")
        var other = try Self.service(.v2)
        #expect(Self.get("/name", &other, headers: header, now: 6 * second).status == 401)
        let counters = service.takeCounters()
        #expect(counters.invalidTokens == 1 && counters.missingTokens == 0)
    }

    @Test("under version 2 no token is no answer; under version 1 any will do")
    func missingToken() throws {
        var second = try Self.service(.v2)
        let none = Self.get("/name", &second)
        #expect(none.status == 401 && none.body.hasPrefix("No MMDS token provided. Use `X-metadata-token` or `X-aws-"))
        for token in ["", "x", String(repeating: "A", count: 44), String(repeating: "A", count: 4000)] {
            #expect(Self.get("/name", &second, headers: "X-metadata-token: \(token)\r\n").status == 401)
        }
        var first = try Self.service(.v1)
        #expect(Self.get("/name/last", &first, headers: "X-metadata-token: x\r\n").body == "Doe")
        #expect(first.takeCounters().invalidTokens == 1)
        #expect(Self.put("X-metadata-token-ttl-seconds: 9\r\n", &first).status == 200)
    }

    @Test(
        "refuses a token to whoever asks wrongly",
        arguments: [
            ("", "Token time to live value not found. Use `X-metadata-token-ttl-seconds` or `X-aws"),
            ("X-metadata-token-ttl-seconds: 0\r\n", "Invalid time to live value provided for token: 0. Please"),
            ("X-metadata-token-ttl-seconds: 21601\r\n", "Invalid time to live value provided for token: 21601. "),
            (
                "X-metadata-token-ttl-seconds: -1\r\n",
                "Invalid header. Reason: Invalid value. Key:X-metadata-token-ttl-seconds; Value:-1"
            ),
            (
                "X-aws-ec2-metadata-token-ttl-seconds: 4294967296\r\n",
                "Invalid header. Reason: Invalid value. Key:X-aws-ec2-metadata-token-ttl-seconds; Value:4294967296"
            ),
            (
                "X-metadata-token-ttl-seconds: 60\r\nx-forwarded-for: 1.2.3.4\r\n",
                "Invalid header. Reason: Unsupported header name. Key: X-Forwarded-For"
            ),
        ])
    func refusedToken(headers: String, body: String) throws {
        var service = try Self.service(.v2)
        let answer = Self.put(headers, &service)
        #expect(answer.status == 400 && answer.body.hasPrefix(body), "\(answer.body)")
    }

    @Test("takes a PUT to no other path")
    func otherPath() throws {
        var service = try Self.service(.v2)
        let answer = Self.put("X-metadata-token-ttl-seconds: 60\r\n", path: "/latest/api/toke", &service)
        #expect(answer.status == 404 && answer.body == "Resource not found: /latest/api/toke.")
        #expect(Self.put("X-metadata-token-ttl-seconds: 60\r\n", path: "//latest//api/token", &service).status == 200)
        #expect(Self.put("X-metadata-token-ttl-seconds: 21600\r\n", &service).status == 200)
        #expect(Self.put("X-metadata-token-ttl-seconds: 1\r\n", &service).status == 200)
    }

    @Test("a token with any bit changed is none")
    func forgery() {
        var generator = SeededNumbers(seed: 7)
        var authority = TokenAuthority(using: &generator)
        let token = authority.issue(lifetime: 100, now: 0)
        #expect(authority.accepts(token, now: 1))
        #expect(authority.issue(lifetime: 100, now: 0) != token)
        let bytes = Base64.bytes(of: token) ?? []
        #expect(bytes.count == 32)
        for bit in 0..<256 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!authority.accepts(Base64.text(of: changed), now: 1))
        }
        #expect(!authority.accepts(token + "=", now: 1) && !authority.accepts(String(token.dropLast()), now: 1))
    }

    @Test("the keyed hash is SipHash-2-4")
    func sipHash() {
        // The vectors of its authors: the key 00 01 … 0f, and messages 00 01 … of these lengths.
        let hash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        #expect(hash.hash([]) == 0x726f_db47_dd0e_0e31)
        #expect(hash.hash(Array(0..<15)) == 0xa129_ca61_49be_45e5)
        #expect(hash.hash(Array(0..<8)) == 0x93f5_f579_9a93_2462)
    }

    @Test("base64", arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func base64(plain: String, coded: String) {
        #expect(Base64.text(of: Array(plain.utf8)) == coded)
        #expect(Base64.bytes(of: coded) == Array(plain.utf8))
        #expect(Base64.bytes(of: "Zg=a") == nil && Base64.bytes(of: "Zh==") == nil && Base64.bytes(of: "====") == nil)
    }
}

/// A generator whose sequence follows from its seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
