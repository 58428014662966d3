import Testing

@testable import SmartVM

@Suite("Addresses and waits")
struct HTTPURLTests {
    @Test(
        "only http and https with a host are taken",
        arguments: [
            "", "vmlinux", "/etc/passwd", "file:///etc/passwd", "ftp://example.com/x", "http://", "https:///x",
            "http://user:secret@example.com/x", "javascript:1", "http://exa mple.com", "data:text/plain,x",
            "http://127.0.0.1:99999/x", "http://127.0.0.1:0/x", "http://127.0.0.1:1844674407370955161600/x",
        ])
    func refused(text: String) {
        let error = #expect(throws: SmartVMError.self) { try HTTPURL(text) }
        #expect(error?.code == .invalidURL)
        #expect(error?.message.contains("secret") == false)
    }

    @Test(
        "ports that can be connected to are taken",
        arguments: ["http://[::1]:8080/x", "http://[::1]/x", "http://a:1/", "http://a/b:c"])
    func ports(text: String) throws {
        #expect(try HTTPURL(text).text == text)
    }

    @Test("a way from https to http is refused, the other way is not")
    func downgrade() throws {
        let secure = try HTTPURL("https://example.com/a/b")
        #expect(try secure.following("/c").text == "https://example.com/c")
        #expect(try secure.following("https://other.example/x").text == "https://other.example/x")
        #expect(try HTTPURL("http://example.com/").following("https://example.com/").isSecure)
        let error = #expect(throws: SmartVMError.self) { try secure.following("http://example.com/a/b") }
        #expect(error?.code == .invalidURL)
        #expect(error?.message.contains("from https to http") == true)
    }

    @Test("names in paths and queries mean themselves")
    func encoding() throws {
        let url = try HTTPURL("http://h/bucket")
        #expect(try url.appending(path: "a b/c?d#e%2f").text == "http://h/bucket/a%20b/c%3Fd%23e%252f")
        #expect(try url.appending(query: [("t", "=+/&"), ("p", "x")]).text == "http://h/bucket?t=%3D%2B%2F%26&p=x")
    }

    @Test("waits grow, are partly random, and end")
    func waits() {
        let policy = RetryPolicy(firstDelay: .milliseconds(100), longestDelay: .seconds(1))
        let longest = (1...8).map { policy.delay(afterFailures: $0, random: 1) }
        #expect(longest[..<4] == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
        #expect(longest[4...].allSatisfy { $0 == .seconds(1) })
        #expect(policy.delay(afterFailures: 2, random: 0) == .milliseconds(100))
        #expect(policy.delay(afterFailures: 1_000_000, random: 1) == .seconds(1))
    }

    @Test("a partial answer's header is understood or refused")
    func contentRange() {
        #expect(ContentRange("bytes 5-9/10")?.first == 5)
        #expect(ContentRange("bytes 5-9/10")?.total == 10)
        #expect(ContentRange("bytes 5-9/*")?.total == nil && ContentRange("bytes 5-9/*") != nil)
        for wrong in ["", "bytes */10", "bytes 9-5/10", "bytes 5-9/9", "bytes -1-9/10", "items 5-9/10", "bytes 5-9/x"] {
            #expect(ContentRange(wrong) == nil, "\(wrong)")
        }
    }

    @Test("the proxy is the environment's, but for what it excepts")
    func proxy() throws {
        let url = try HTTPURL("https://s3.amazonaws.com/x")
        func proxy(_ variables: [String: String]) -> HTTPProxy? {
            HTTPProxy(for: url, environment: HostEnvironment(variables: variables, user: 0))
        }
        #expect(proxy([:]) == nil)
        #expect(proxy(["https_proxy": "http://proxy:8080"])?.port == 8080)
        #expect(proxy(["HTTPS_PROXY": "proxy:8080"])?.host == "proxy")
        #expect(proxy(["http_proxy": "http://proxy:8080"]) == nil)
        for exception in ["*", "amazonaws.com", ".amazonaws.com", "x,s3.amazonaws.com"] {
            #expect(proxy(["https_proxy": "http://proxy:8080", "no_proxy": exception]) == nil)
        }
        #expect(proxy(["https_proxy": "http://proxy:8080", "no_proxy": "aws.com"]) != nil)
    }
}
