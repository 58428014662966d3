import FirecrackerAPI

@testable import FirecrackerQEMU

/// A client that sends what clients send, with something wrong in most of it.
struct APIAdversary {
    var numbers: SeededNumbers

    struct Message {
        var method: String
        var path: String
        var body: [UInt8]

        /// As HTTP carries it.
        var framed: [UInt8] {
            Array("\(method) \(path) HTTP/1.1\r\n".utf8)
                + (body.isEmpty ? [] : Array("Content-Length: \(body.count)\r\n".utf8)) + Array("\r\n".utf8) + body
        }
    }

    mutating func below(_ bound: Int) -> Int { .random(in: 0..<bound, using: &numbers) }
    mutating func isChosen(one number: Int) -> Bool { below(number) == 0 }
    mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: numbers.next()) }

    /// What every client sends. No file of the machine's is named that could come into being: all paths are ``FakeHost``'s.
    private static let good: [(String, String, String)] = [
        ("GET", "/", ""), ("GET", "/version", ""), ("GET", "/vm/config", ""), ("GET", "/machine-config", ""),
        ("GET", "/balloon", ""), ("GET", "/mmds", ""), ("GET", "/balloon/statistics", ""),
        ("PUT", "/machine-config", #"{"vcpu_count":2,"mem_size_mib":256,"smt":false,"track_dirty_pages":true}"#),
        ("PATCH", "/machine-config", #"{"mem_size_mib":512,"huge_pages":"None"}"#),
        ("PUT", "/boot-source", #"{"kernel_image_path":"/k","initrd_path":"/i","boot_args":"console=ttyS0 a=\"b\""}"#),
        (
            "PUT", "/drives/d",
            #"{"drive_id":"d","path_on_host":"/d","is_root_device":true,"is_read_only":false,"cache_type":"Writeback","#
                + #""rate_limiter":{"bandwidth":{"size":1000,"one_time_burst":10,"refill_time":100},"ops":null}}"#
        ),
        ("PUT", "/drives/e", #"{"drive_id":"e","path_on_host":"/d","is_root_device":false,"partuuid":"1-2"}"#),
        (
            "PUT", "/network-interfaces/n",
            #"{"iface_id":"n","host_dev_name":"tap0","guest_mac":"02:00:00:00:00:01","rx_rate_limiter":{"ops":{"size":5,"#
                + #""refill_time":1}}}"#
        ),
        ("PUT", "/vsock", #"{"guest_cid":3,"uds_path":"/v"}"#), ("PUT", "/entropy", #"{"rate_limiter":null}"#),
        ("PUT", "/balloon", #"{"amount_mib":64,"deflate_on_oom":true,"stats_polling_interval_s":1}"#),
        ("PUT", "/mmds", #"{"latest":{"meta-data":{"a":"b","c":[1,2.5,-3e2,null,true]}},"ü":"\u00e9\ud83d\ude00"}"#),
        ("PATCH", "/mmds", #"{"latest":null,"x":{"y":"z"}}"#),
        ("PUT", "/mmds/config", #"{"version":"V2","network_interfaces":["n"],"ipv4_address":"169.254.169.250"}"#),
        ("PUT", "/actions", #"{"action_type":"InstanceStart"}"#), ("PATCH", "/vm", #"{"state":"Paused"}"#),
        ("PUT", "/actions", #"{"action_type":"FlushMetrics"}"#), ("PUT", "/logger", #"{"level":5}"#),
        ("PUT", "/cpu-config", #"{"kvm_capabilities":["1"],"cpuid_modifiers":[]}"#),
        ("PUT", "/pmem/p", #"{"id":"p","path_on_host":"/d","root_device":false}"#),
        ("PUT", "/hotplug/memory", #"{"total_size_mib":1024,"block_size_mib":2,"slot_size_mib":128}"#),
        ("PATCH", "/drives/d", #"{"drive_id":"d","path_on_host":"/d"}"#), ("DELETE", "/drives/d", ""),
        ("PATCH", "/balloon/statistics", #"{"stats_polling_interval_s":5}"#),
        ("PUT", "/metrics", #"{"metrics_path":5}"#),
        ("PUT", "/snapshot/create", #"{"snapshot_path":"","mem_file_path":""}"#),
    ]

    /// One that HTTP has nothing against.
    mutating func message() -> Message {
        let (method, path, body) = Self.good.randomElement(using: &numbers) ?? ("GET", "/", "")
        var message = Message(method: method, path: path, body: Array(body.utf8))
        if isChosen(one: 3) { return message }
        for _ in 0...below(3) { change(&message.body) }
        if message.body.count > 51200 { message.body.removeLast(message.body.count - 51200) }
        if isChosen(one: 8) { message.method = ["GET", "PUT", "PATCH", "DELETE"].randomElement(using: &numbers) ?? "" }
        if isChosen(one: 8) {
            let other = Self.good.randomElement(using: &numbers)?.1 ?? "/"
            let tails = ["/", "//", "/x", "?a=b", "/..", "/%2f", "/\u{e9}", String(repeating: "/a", count: 400)]
            message.path = (isChosen(one: 2) ? "/" : "") + other + (tails.randomElement(using: &numbers) ?? "")
        }
        return message
    }

    private static let values = [
        "0", "-0", "-1", "1e400", "1E-400", "18446744073709551615", "18446744073709551616", "-9223372036854775809",
        "0.1",
        String(repeating: "9", count: 400), "01", "+1", ".5", "1.", "1e", "0x10", "NaN", "null", "true", "false",
        "\"\"",
        "{}", "[]", "[[]]", "\"\\u0000\"", "\"\\ud800\"", "\"\\ude00\\ud800\"", "\"\\x\"", "\"\u{1F600}\"", "tru",
        "nulll",
        "\"a\u{0}b\"", "\"..\"", "[1,128]", "{\"a\":1,\"a\":2}",
    ]

    /// Breaks a text of JSON somewhere, or only makes it another.
    private mutating func change(_ body: inout [UInt8]) {
        let place = below(body.count + 1)
        switch below(12) {
        case 0: body.insert(byte(), at: place)
        case 1: if place < body.count { body[place] = byte() }
        case 2: body.removeSubrange(place..<min(body.count, place + 1 + below(4)))
        case 3: body.removeSubrange(place...)
        case 4:
            body.insert(contentsOf: Self.values.randomElement(using: &numbers).map { Array($0.utf8) } ?? [], at: place)
        case 5, 6:
            // In the place of a value: what stands between a colon and the next comma or bracket.
            let colons = body.indices.filter { body[$0] == UInt8(ascii: ":") }
            guard let colon = colons.randomElement(using: &numbers) else { return }
            let end = body[(colon + 1)...].firstIndex { ",}]".utf8.contains($0) } ?? body.endIndex
            body.replaceSubrange(
                (colon + 1)..<end, with: Self.values.randomElement(using: &numbers).map { Array($0.utf8) } ?? [])
        case 7:
            // A member twice, or one that nobody knows.
            guard let brace = body.firstIndex(of: UInt8(ascii: "{")) else { return }
            let end = body.firstIndex(of: UInt8(ascii: ",")) ?? brace
            let member =
                isChosen(one: 2) ? Array("\"zz\":1,".utf8) : Array(body[(brace + 1)..<max(brace + 1, end)]) + [0x2c]
            body.insert(contentsOf: member, at: brace + 1)
        case 8:
            let depth = [1, 126, 127, 128, 129, 5000].randomElement(using: &numbers) ?? 1
            let brackets = isChosen(one: 2) ? ("[", "]") : ("{\"a\":", "}")
            body =
                Array(String(repeating: brackets.0, count: depth).utf8) + body
                + Array(String(repeating: brackets.1, count: isChosen(one: 3) ? depth - 1 : depth).utf8)
        case 9:
            body.insert(
                contentsOf: [[0xc3], [0xff], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0xaf]]
                    .randomElement(using: &numbers) ?? [], at: place)
        case 10:
            body.insert(
                contentsOf: [UInt8](
                    repeating: [0x20, 0x0a, 0x39, 0x61].randomElement(using: &numbers) ?? 0x20, count: below(3000)),
                at: place)
        default: body = Array("[".utf8) + body.filter { !"{}".utf8.contains($0) } + Array("]".utf8)
        }
    }

    /// Bytes that HTTP has something against, most of the time.
    mutating func garbage() -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0...below(4) { bytes += message().framed }
        let lines = [
            "Content-Length: -1\r\n", "Content-Length: 4294967296\r\n", "Content-Length: 51201\r\n",
            "Expect: 100-continue\r\n",
            "Accept-Encoding: identity;q=0\r\n", "Accept-Encoding:\r\n", "Transfer-Encoding: chunked\r\n",
            "no colon\r\n",
            ": \r\n", "\r\n", "\n", "GET / HTTP/1.0\r\n", "GET  HTTP/1.1\r\n", "POST / HTTP/1.1\r\n\r\n",
            "Content-Length: 5\r\n",
            "X: " + String(repeating: "y", count: 3000) + "\r\n",
        ]
        for _ in 0...below(6) {
            let place = below(bytes.count + 1)
            switch below(4) {
            case 0: if place < bytes.count { bytes[place] = byte() }
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + below(20)))
            case 2: bytes.insert(contentsOf: (0..<below(40)).map { _ in byte() }, at: place)
            default: bytes.insert(contentsOf: Array((lines.randomElement(using: &numbers) ?? "").utf8), at: place)
            }
        }
        return bytes
    }
}
