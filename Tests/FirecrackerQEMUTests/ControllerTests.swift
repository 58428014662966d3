import FirecrackerAPI
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("What requests do before the start")
struct ControllerTests {
    private let handler: RequestHandler

    init() throws {
        let log = Log()
        try log.configure(LoggerConfig(level: .off))
        let controller = Controller(
            instanceID: "test", resources: VMResources(host: FakeHost(files: ["/k"])), options: QEMUMachine.Options(),
            log: log, metrics: Metrics())
        handler = RequestHandler(controller: controller)
    }

    private func answer(_ method: HTTPMethod, _ path: String, _ body: String? = nil) -> (status: Int, body: String) {
        let response = handler.handleRequest(HTTPRequest(method: method, path: path, body: body.map { Array($0.utf8) }))
        return (response.status, String(decoding: response.body ?? [], as: UTF8.self))
    }

    @Test("The VM says that it has not started")
    func info() {
        #expect(
            answer(.get, "/").body
                == #"{"id":"test","state":"Not started","vmm_version":"1.16.1","app_name":"Firecracker"}"#)
    }

    @Test("A start without a kernel fails, and leaves the VM as it was")
    func startWithoutKernel() {
        #expect(
            answer(.put, "/actions", #"{"action_type":"InstanceStart"}"#).body
                == #"{"fault_message":"Start microvm error: Cannot start microvm without kernel configuration."}"#)
        #expect(answer(.get, "/").body.contains("Not started"))
        #expect(answer(.put, "/actions", #"{"action_type":"FlushMetrics"}"#).body.contains("before starting"))
    }

    @Test("Even a refused configuration bars the loading of a snapshot, a refused body does not")
    func loadBarred() {
        let load = #"{"snapshot_path":"/none","mem_backend":{"backend_type":"File","backend_path":"m"}}"#
        #expect(answer(.put, "/machine-config", "{").status == 400)
        #expect(answer(.put, "/machine-config", #"{"vcpu_count":0,"mem_size_mib":1}"#).status == 400)
        #expect(
            answer(.put, "/snapshot/load", load).body
                == #"{"fault_message":"Load snapshot error: Loading a microVM snapshot not allowed after configuring "#
                + #"boot-specific resources."}"#)
        #expect(handler.controller.fatal == nil)
    }

    @Test("A snapshot that cannot be loaded ends the process, once the answer is out")
    func loadFails() {
        let load = #"{"snapshot_path":"/none","mem_backend":{"backend_type":"File","backend_path":"m"}}"#
        #expect(
            answer(.put, "/snapshot/load", load).body
                == #"{"fault_message":"Load snapshot error: Failed to restore from snapshot: Failed to get snapshot state "#
                + #"from file: Failed to open snapshot file: No such file or directory (os error 2)"}"#)
        #expect(handler.controller.fatal == .restoreFailed)
    }

    @Test("A deprecated field marks the answer, also where the request is refused, but not where its body is")
    func deprecation() {
        func isMarked(_ body: String) -> Bool {
            handler.handleRequest(HTTPRequest(method: .put, path: "/machine-config", body: Array(body.utf8)))
                .isDeprecated
        }
        #expect(isMarked(#"{"vcpu_count":1,"mem_size_mib":1,"cpu_template":"None"}"#))
        #expect(isMarked(#"{"vcpu_count":0,"mem_size_mib":1,"cpu_template":"T2"}"#))
        #expect(!isMarked(#"{"vcpu_count":1,"mem_size_mib":1,"cpu_template":"T3"}"#))
        #expect(!isMarked(#"{"vcpu_count":1,"mem_size_mib":1}"#))
    }
}
