import Foundation
import Testing

@testable import SmartVM

@Suite("smartvm doctor")
struct DoctorTests {
    @Test("the JSON has the documented keys and values")
    func json() throws {
        let report = DoctorReport(
            vmm: .init(kind: "qemu", path: "/usr/bin/smartvm-qemu", reason: "firecracker is not installed."),
            kvmInstructionsPerSecond: 1_600_000,
            checks: [
                .init("vmm", .ok, "fine"), .init("kvm", .warning, "slow"),
                .init("tun", .failed, "none", cure: "modprobe tun"),
            ])
        let expected: [String: Any] = [
            "ok": false,
            "vmm": ["kind": "qemu", "path": "/usr/bin/smartvm-qemu", "reason": "firecracker is not installed."],
            "kvmInstructionsPerSecond": 1_600_000,
            "checks": [
                ["name": "vmm", "status": "ok", "detail": "fine"],
                ["name": "kvm", "status": "warning", "detail": "slow"],
                ["name": "tun", "status": "failed", "detail": "none", "cure": "modprobe tun"],
            ],
        ]
        let written = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(report))
        #expect(written as? NSDictionary == expected as NSDictionary)
    }

    @Test("warnings do not make a machine unfit, one failure does")
    func verdict() {
        #expect(DoctorReport(vmm: nil, kvmInstructionsPerSecond: nil, checks: [.init("a", .warning, "")]).ok)
        #expect(!DoctorReport(vmm: nil, kvmInstructionsPerSecond: nil, checks: [.init("a", .failed, "")]).ok)
    }

    @Test("a machine without agent, VMM and data directory fails each check with a cure")
    func bareMachine() async throws {
        let directory = try TestDirectory()
        let file = try directory.file("data", [])
        let environment = HostEnvironment(
            variables: ["SMARTVM_GUEST": "/nonexistent", "SMARTVM_QEMU": "/nonexistent"], user: 1000)
        let report = await Doctor(
            dataDirectory: DataDirectory(path: file), selection: .qemu, environment: environment
        ).examine()
        #expect(!report.ok)
        #expect(report.vmm == nil)
        for name in ["vmm", "agent", "data"] {
            let check = try #require(report.checks.first { $0.name == name })
            #expect(check.status == .failed && check.cure?.isEmpty == false, "\(check)")
        }
        #expect(Set(report.checks.map(\.name)).count == report.checks.count)
    }

    @Test("the vsock device's needs are tried on a process that is alive, each time")
    func vsock() {
        for _ in 0..<10 {
            #expect(throws: Never.self) { try VsockSupport.probe() }
        }
    }
}
