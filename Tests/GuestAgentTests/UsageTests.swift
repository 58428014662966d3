import GuestProtocol
import Testing

@testable import GuestAgent

@Suite("What a guest uses")
struct UsageTests {
    @Test("the kernel's texts are read")
    func texts() {
        let memory = KernelCounters.values(
            "MemTotal:         246836 kB\nMemFree: 5 kB\nnonsense\nHugePages_Total:       0\n")
        #expect(memory == ["MemTotal": 246_836, "MemFree": 5, "HugePages_Total": 0])
        #expect(KernelCounters.values("balloon_inflate 7\nballoon_deflate 2\n")["balloon_inflate"] == 7)
        // user nice system idle iowait irq softirq steal guest guest_nice
        #expect(KernelCounters.busyMilliseconds("cpu  1 2 3 1000 2000 4 5 6 100 100\ncpu0 9 9 9\n") == 210)
        #expect(KernelCounters.busyMilliseconds("") == 0)
        #expect(KernelCounters.thousandths("0.25 0.10 0.05 1/60 99\n") == 250)
        #expect(KernelCounters.thousandths("12345.67 88.1\n") == 12_345_670)
        #expect(KernelCounters.thousandths("7") == 7000)
        #expect(KernelCounters.thousandths("") == 0)
    }

    @Test("a report of this machine is possible")
    func report() {
        let report = KernelCounters.report(mounts: ["/proc", "/no/such/place"])
        #expect(report.memoryTotal > 0 && report.memoryAvailable <= report.memoryTotal)
        #expect(report.uptimeMilliseconds > 0 && report.processes > 0 && report.cpuMilliseconds > 0)
        #expect(report.mounts.map(\.path) == ["/", "/proc"])
    }
}
