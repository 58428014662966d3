import FirecrackerAPI
import Testing

/// One answer of the real Firecracker 1.16.1.
struct RecordedFault: Sendable, CustomTestStringConvertible {
    var method: HTTPMethod
    var path: String
    var body: String?
    var fault: String

    init(_ method: HTTPMethod, _ path: String, _ body: String?, _ fault: String) {
        self.method = method
        self.path = path
        self.body = body
        self.fault = fault
    }

    var testDescription: String { "\(method.rawValue) \(path) \(body ?? "")" }

    /// What the table says to the same request.
    var ours: String? {
        do {
            _ = try Endpoint.parse(method, path, body: body.map { Array($0.utf8) })
            return nil
        } catch {
            return error.message
        }
    }
}

@Suite("Faults as the real Firecracker words them")
struct RecordedFaultTests {
    @Test("A body that cannot be read", arguments: RecordedFault.bodies + RecordedFault.moreBodies)
    func body(recorded: RecordedFault) {
        #expect(
            recorded.ours == "An error occurred when deserializing the json body of a request: \(recorded.fault).")
    }

    @Test("A request that leads nowhere", arguments: RecordedFault.routes)
    func route(recorded: RecordedFault) {
        #expect(recorded.ours == recorded.fault)
    }
}
