import FirecrackerAPI
import Testing

/// A generator whose sequence follows from its seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

@Suite("Bodies of random bytes")
struct RandomBytesTests {
    private static let alphabet =
        Array(#"{}[]",:0123456789.eE+-truefalsn\u_ab "#.utf8) + [0x0a, 0x00, 0xff, 0xc3, 0xa9]

    @Test("Whatever a body holds, it is taken or refused", arguments: 0..<8)
    func soup(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        for _ in 0..<80 {
            let count = Int.random(in: 1...60, using: &generator)
            let body = (0..<count).map { _ in Self.alphabet.randomElement(using: &generator) ?? 0 }
            for row in Endpoint.table where row.method != .get && row.method != .delete {
                _ = try? Endpoint.parse(row.method, row.path.replacing(#/{.*}/#, with: "x"), body: body)
            }
        }
    }

    @Test("A good body that is cut or changed somewhere is taken or refused", arguments: EndpointTests.samples)
    func mutations(request: APIRequest) throws {
        var generator = SeededGenerator(state: 42)
        let wire = try Endpoint.rendered(request)
        guard let body = wire.body else { return }
        for end in 1..<body.count {
            let prefix = Array(body[..<end])
            // No part of an object from its start is a value.
            #expect(throws: APIFault.self) { try Endpoint.parse(wire.endpoint.method, wire.path, body: prefix) }
            var changed = body
            changed[end] = Self.alphabet.randomElement(using: &generator) ?? 0
            _ = try? Endpoint.parse(wire.endpoint.method, wire.path, body: changed)
        }
    }

    @Test("Nesting without end is refused, not followed")
    func nesting() {
        let body = Array(String(repeating: "[", count: 100_000).utf8)
        #expect(throws: APIFault.self) { try Endpoint.parse(.put, "/mmds", body: body) }
        #expect(throws: APIFault.self) { try Endpoint.parse(.put, "/machine-config", body: body) }
        let inside = Array((#"{"metrics_path":"m","x":"# + String(repeating: "[", count: 100_000)).utf8)
        #expect(throws: APIFault.self) { try Endpoint.parse(.put, "/metrics", body: inside) }
    }
}
