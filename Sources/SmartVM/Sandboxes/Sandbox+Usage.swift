internal import FirecrackerAPI
internal import FirecrackerClient
internal import GuestProtocol
internal import Linux
internal import SupervisorProtocol

extension Sandbox {
    /// What it uses now. One that does not run uses nothing.
    ///
    /// - Throws: `NO_SUCH_VM`.
    public func usage() async throws -> SandboxUsage {
        let info = try await info
        return await manager.usage(of: [info])[0]
    }
}

extension SandboxManager {
    /// How long a guest may take to say what it uses.
    private static let patience = Duration.seconds(1)

    /// What sandboxes use now, in the order in which they are given.
    public func usage(of infos: [SandboxInfo]) async -> [SandboxUsage] {
        let active = infos.filter(\.state.isActive)
        async let guests = guestUsage(of: active.filter { $0.state == .running })
        let plans = active.map { ($0.id, directory($0.id).planPath) }
        let leaders = Set(active.flatMap { [$0.supervisorPid, $0.vmmPid] }.compactMap { $0.map { Int32($0) } })
        let processes = try? await BlockingWork.run {
            ProcessSession.members(of: leaders).mapValues { ($0.map(ProcessUsage.init), Clock.realtimeNanoseconds) }
        }
        let networks = try? await BlockingWork.run {
            Dictionary(plans.map { ($0.0, Self.networkUsage($0.1)) }) { first, _ in first }
        }
        let found = await guests
        return infos.map { info in
            var usage = SandboxUsage(
                id: info.id, name: info.name, state: info.state,
                time: Timestamp(nanoseconds: Clock.realtimeNanoseconds).text)
            let sessions = [info.supervisorPid, info.vmmPid].compactMap { $0.flatMap { processes?[Int32($0)] } }
            if let time = sessions.first?.1 {
                usage.time = Timestamp(nanoseconds: time).text
                usage.host = .init(sessions.flatMap(\.0))
            }
            usage.network = networks?[info.id] ?? nil
            usage.guest = found[info.id]
            return usage
        }
    }

    private func guestUsage(of infos: [SandboxInfo]) async -> [String: SandboxUsage.Guest] {
        await withTaskGroup { group in
            for info in infos {
                let path = Sandbox(id: info.id, manager: self).vsockPath
                group.addTask { (info.id, await Self.guestUsage(path)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    private static func guestUsage(_ vsockPath: String) async -> SandboxUsage.Guest? {
        await withTaskGroup(of: SandboxUsage.Guest?.self) { group in
            group.addTask {
                try? await GuestSocket.withConnection(vsockPath, port: VsockPort.usage) { reader, _ in
                    try await reader.next(UsageReport.self).map { .init($0) }
                }
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    /// The counters of the TAPs that the plan names. What a TAP has received the guest has sent.
    private static func networkUsage(_ planPath: String) -> SandboxUsage.Network? {
        guard let bytes = try? File.read(planPath),
            let plan = try? SupervisorPlan(decoding: bytes, skipsUnknownFields: true),
            var socket = try? NetlinkSocket()
        else { return nil }
        var usage: SandboxUsage.Network?
        for request in plan.requests where request.method == "PUT" && request.path.hasPrefix("/network-interfaces/") {
            guard case .object(let body) = request.body, case .string(let tap) = body["host_dev_name"],
                let counters = try? socket.counters(of: tap)
            else { continue }
            var sum = usage ?? SandboxUsage.Network(receivedBytes: 0, sentBytes: 0)
            sum.receivedBytes += Int64(clamping: counters.sent)
            sum.sentBytes += Int64(clamping: counters.received)
            usage = sum
        }
        return usage
    }
}

extension SandboxUsage.Host {
    init(_ processes: [ProcessUsage]) {
        self.init(
            cpuSeconds: processes.reduce(0) { $0 + $1.cpuSeconds },
            memoryBytes: processes.reduce(0) { $0 + $1.memoryBytes },
            readBytes: processes.reduce(0) { $0 + $1.readBytes },
            writtenBytes: processes.reduce(0) { $0 + $1.writtenBytes })
    }
}
