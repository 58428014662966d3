internal import FirecrackerAPI

/// Turns a request of HTTP into an answer of HTTP: routes it by the table, has the controller do it, and logs and
/// counts both ends.
struct RequestHandler {
    let controller: Controller

    private var log: Log { controller.log }

    func handleRequest(_ request: HTTPRequest) -> HTTPResponse {
        let clock = ContinuousClock()
        let start = clock.now
        log.logLimited(.info, logLine(for: request), thread: .api, module: .requests)
        count(request, suffix: "count")
        let response = respond(to: request)
        let duration = start.duration(to: clock.now)
        log.logLimited(
            .debug, "Total previous API call duration: \(duration.microseconds) us.", thread: .api, module: .apiServer)
        return response
    }

    private func respond(to request: HTTPRequest) -> HTTPResponse {
        var isDeprecated = false
        let start = ContinuousClock.now
        do throws(APIFault) {
            let parsed: Endpoint.ParsedRequest
            do throws(APIFault) {
                parsed = try Endpoint.parse(request.method, request.path, body: request.body)
            } catch {
                count(request, suffix: "fails")
                throw error
            }
            if let warning = parsed.deprecation {
                isDeprecated = true
                controller.metrics.count(Metrics.Counter("deprecated_api", "deprecated_http_api_calls"))
                log.logLimited(.warn, warning, thread: .api, module: .apiServer)
            }
            let answer = try controller.perform(parsed.request, parsed.endpoint.availability)
            let body = answer.encoded
            let response = HTTPResponse(status: body == nil ? 204 : 200, isDeprecated: isDeprecated, body: body)
            log.logLimited(
                .info, "The request was executed successfully. Status code: \(response.statusText).", thread: .api,
                module: .requests)
            parsed.request.timedAction?.finishRequest(since: start, metrics: controller.metrics, log: log)
            return response
        } catch {
            let response = HTTPResponse(status: error.status, isDeprecated: isDeprecated, body: error.encoded)
            log.logLimited(
                .error, "Received Error. Status code: \(response.statusText). Message: \(error.message)", thread: .api,
                module: .requests)
            return response
        }
    }

    private func logLine(for request: HTTPRequest) -> String {
        let method = request.method.rawValue.prefix(1) + request.method.rawValue.dropFirst().lowercased()
        let opening = "The API server received a \(method) request on \(RustText.quoted(request.path))"
        guard let body = request.body else { return "\(opening)." }
        // Metadata holds secrets, and a CPU template is long.
        if request.path.utf8.starts(with: "/mmds".utf8) { return "\(opening)." }
        if request.path.utf8.starts(with: "/cpu-config".utf8), log.level != .debug, log.level != .trace {
            return "\(opening). To view the CPU template received by the API, configure log-level to DEBUG"
        }
        return "\(opening) with body \(RustText.quoted(String(decoding: body, as: UTF8.self)))."
    }

    private static let groups: [HTTPMethod: String] = [
        .get: "get_api_requests", .put: "put_api_requests", .patch: "patch_api_requests",
    ]

    /// The names under which requests are counted, by the first component of their path.
    private static let counters = [
        "": "instance_info", "version": "vmm_version", "actions": "actions", "boot-source": "boot_source",
        "drives": "drive", "logger": "logger", "machine-config": "machine_cfg", "cpu-config": "cpu_cfg",
        "metrics": "metrics", "network-interfaces": "network", "mmds": "mmds", "vsock": "vsock", "pmem": "pmem",
        "serial": "serial", "hotplug": "hotplug_memory",
    ]

    private func count(_ request: HTTPRequest, suffix: String) {
        let first = request.path.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1).first
        let component = first.map { String(Substring($0)) } ?? ""
        guard let group = Self.groups[request.method], let name = Self.counters[component] else { return }
        controller.metrics.count(Metrics.Counter(group, "\(name)_\(suffix)"))
    }
}

extension APIRequest {
    fileprivate var timedAction: TimedAction? {
        switch self {
        case .setVMState(.paused): .pause
        case .setVMState(.resumed): .resume
        case .createSnapshot(let request): request.snapshotType == .full ? .createFull : .createDiff
        case .loadSnapshot: .load
        default: nil
        }
    }
}
