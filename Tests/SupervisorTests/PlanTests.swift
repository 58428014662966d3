import FirecrackerAPI
import GuestProtocol
import SupervisorProtocol
import Testing

@Suite("what passes between a starter and a supervisor")
struct PlanTests {
    @Test("a plan is read as it was written")
    func plan() throws {
        let request = try PlannedRequest(.putMachineConfig(MachineConfig(vcpuCount: 2, memSizeMib: 256)))
        let plan = SupervisorPlan(
            generation: 3, directory: "/data/vms/a", runtimeDirectory: "/data/run/a",
            vmm: Program(path: "/bin/vmm", arguments: ["--id", "a"], environment: ["PATH=/bin"]),
            apiSocket: "/data/run/a/api.sock", vsockSocket: "/data/run/a/vsock.sock", requests: [request],
            hasAgent: true,
            guest: GuestDescription(
                hostname: "web", machineID: "00112233445566778899aabbccddeeff",
                interfaces: [
                    .init(macAddress: "02:00:00:00:00:01", addresses: ["172.30.0.2/24"], gateways: ["172.30.0.1"])
                ],
                nameServers: ["192.0.2.53"], mounts: [.init(device: "/dev/vdc", path: "/data", isReadOnly: true)]),
            command: PlannedCommand(arguments: ["sleep", "9"], environment: ["A=\u{e9}"]), bootMilliseconds: 5000,
            stop: [StopStep(.guest, milliseconds: 10_000)], restart: RestartPolicy(.onFailure, limit: 3),
            lifetimeMilliseconds: 60_000)
        #expect(try SupervisorPlan(decoding: plan.json(showsNulls: false)) == plan)
        #expect(request.method == "PUT" && request.path == "/machine-config")
        let configuration = plan.guest.configuration(wallClockNanoseconds: 1, entropySeed: [1, 2])
        #expect(configuration.interfaces.first?.addresses.first?.address.description == "172.30.0.2")
        #expect(configuration.mounts == [.init(device: "/dev/vdc", path: "/data", readOnly: true)])
    }

    @Test("what a supervisor does for a network is read as it was written")
    func network() throws {
        let plan = NetworkPlan(
            resolver: NetworkPlan.Resolver(
                datagramDescriptor: 6, streamDescriptor: 7, guests: ["172.30.0.2"], servers: ["192.0.2.53:5353"],
                nameDirectories: ["/data/names"], refusesUnlisted: true),
            ports: [NetworkPlan.Port(transport: .udp, descriptor: 8, guestAddress: "172.30.0.2", guestPort: 53)],
            domainRules: [NetworkPlan.DomainRule(pattern: "*.example.com", allows: true, table: "t", set: "s")])
        #expect(try NetworkPlan(decoding: plan.json(showsNulls: false)) == plan)
        #expect(try NetworkPlan(decoding: Array("{}".utf8)) == NetworkPlan())
    }

    @Test("state, requests and answers are read as they were written")
    func messages() throws {
        let state = LifeState(
            generation: 9, phase: .exited, startedAt: 1, finishedAt: 2, exitStatus: 137, error: "why \"so\"\n",
            restarts: 4,
            isStopWanted: true)
        #expect(try LifeState(decoding: state.json(showsNulls: false)) == state)
        let request = ControlRequest(.stop, steps: [StopStep(.kill, milliseconds: 0)], signal: 15)
        #expect(try ControlRequest(decoding: request.json(showsNulls: false)) == request)
        let answer = ControlAnswer(error: "no", state: state)
        #expect(try ControlAnswer(decoding: answer.json(showsNulls: false)) == answer)
        let report = StartReport(failure: .commandFailed, message: "x", exitStatus: 127)
        #expect(try StartReport(decoding: report.json(showsNulls: false)) == report)
    }
}
