internal import FirecrackerAPI
internal import SupervisorProtocol

/// What a ``Sandbox`` may use, beside what its VM is made of: set while it runs, and kept. What is nil is as the VM's configuration has it.
public struct SandboxLimits: Hashable, Sendable, Codable {
    /// MiB of memory; the rest is taken by the guest's balloon.
    public var memoryMib: Int?
    /// Bytes per second of each drive, read and written; 0: no limit.
    public var diskBandwidth: Int?
    /// Operations per second of each drive; 0: no limit.
    public var diskOperations: Int?
    /// Bytes per second of each network interface, in each direction; 0: no limit.
    public var networkBandwidth: Int?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        memoryMib: Int? = nil, diskBandwidth: Int? = nil, diskOperations: Int? = nil, networkBandwidth: Int? = nil
    ) {
        self.memoryMib = memoryMib
        self.diskBandwidth = diskBandwidth
        self.diskOperations = diskOperations
        self.networkBandwidth = networkBandwidth
    }

    /// These, and for what they leave open the others.
    func over(_ others: SandboxLimits) -> SandboxLimits {
        SandboxLimits(
            memoryMib: memoryMib ?? others.memoryMib, diskBandwidth: diskBandwidth ?? others.diskBandwidth,
            diskOperations: diskOperations ?? others.diskOperations,
            networkBandwidth: networkBandwidth ?? others.networkBandwidth)
    }
}

// What a VMM is asked. A request of a plan is what will be sent, so the limits are worked into that, whatever made it.
extension SandboxLimits {
    /// The requests by which a VM is made, with these limits.
    ///
    /// - Parameter memory: What the VM boots with, in MiB.
    func applied(to requests: [PlannedRequest], memory: Int) -> [PlannedRequest] {
        requests.map { request in
            guard request.method == "PUT", case .object(var body) = request.body else { return request }
            switch Device(request, body) {
            case .drive:
                guard let limiter = driveLimiter else { return request }
                body["rate_limiter"] = (body["rate_limiter"] ?? .null).merging(limiter)
            case .interface:
                guard let limiter = networkLimiter else { return request }
                for key in ["rx_rate_limiter", "tx_rate_limiter"] {
                    body[key] = (body[key] ?? .null).merging(limiter)
                }
            case .balloon:
                guard let amount = balloonAmount(memory) else { return request }
                body["amount_mib"] = amount
            case nil: return request
            }
            return PlannedRequest(method: request.method, path: request.path, body: .object(body))
        }
    }

    /// The requests by which a VM that runs gets these limits.
    ///
    /// - Parameter requests: Those by which it was made.
    func changes(of requests: [PlannedRequest], memory: Int) -> [PlannedRequest] {
        requests.compactMap { request in
            guard request.method == "PUT", case .object(let body) = request.body else { return nil }
            var change = JSONObject()
            switch Device(request, body) {
            case .drive:
                guard let limiter = driveLimiter else { return nil }
                change["drive_id"] = body["drive_id"]
                change["rate_limiter"] = limiter
            case .interface:
                guard let limiter = networkLimiter else { return nil }
                change["iface_id"] = body["iface_id"]
                change["rx_rate_limiter"] = limiter
                change["tx_rate_limiter"] = limiter
            case .balloon:
                guard let amount = balloonAmount(memory) else { return nil }
                change["amount_mib"] = amount
            case nil: return nil
            }
            return PlannedRequest(method: "PATCH", path: request.path, body: .object(change))
        }
    }

    private enum Device {
        case drive, interface, balloon

        init?(_ request: PlannedRequest, _ body: JSONObject) {
            // A drive of a vhost-user server is limited there.
            if request.path.hasPrefix("/drives/"), body["socket"] ?? .null == .null {
                self = .drive
            } else if request.path.hasPrefix("/network-interfaces/") {
                self = .interface
            } else if request.path == "/balloon" {
                self = .balloon
            } else {
                return nil
            }
        }
    }

    private var driveLimiter: JSONValue? {
        guard diskBandwidth != nil || diskOperations != nil else { return nil }
        var limiter = JSONObject()
        limiter["bandwidth"] = diskBandwidth.map(Self.bucket)
        limiter["ops"] = diskOperations.map(Self.bucket)
        return .object(limiter)
    }

    private var networkLimiter: JSONValue? {
        guard let networkBandwidth else { return nil }
        var limiter = JSONObject()
        limiter["bandwidth"] = Self.bucket(networkBandwidth)
        return .object(limiter)
    }

    /// A bucket that is full again after a second; one of size 0 is none.
    private static func bucket(_ size: Int) -> JSONValue {
        var bucket = JSONObject()
        bucket["size"] = .number(.unsigned(UInt64(clamping: size)))
        bucket["refill_time"] = .number(.unsigned(size > 0 ? 1000 : 0))
        return .object(bucket)
    }

    private func balloonAmount(_ memory: Int) -> JSONValue? {
        memoryMib.map { .number(.unsigned(UInt64(clamping: max(0, memory - $0)))) }
    }
}
