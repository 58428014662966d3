import Foundation
import Linux
import Testing

@testable import SmartVM

@Suite("The probe of KVM")
struct KVMProbeTests {
    static func run(_ counter: UInt64, _ time: Duration, exit: UInt32? = nil) -> KVM.Run {
        KVM.Run(counter: counter, cpuTime: time, exitReason: exit)
    }

    @Test("a guest that counts at a CPU's speed makes it usable")
    func fast() {
        let judgement = KVMProbe.judge(Self.run(40_000_000, .milliseconds(40)))
        #expect(judgement == .usable(instructionsPerSecond: 2_000_000_000))
        #expect(KVMProbe(judgement: judgement).isUsable)
        #expect(KVMProbe(judgement: judgement).reason.contains("2000 million"))
    }

    @Test("a guest that crawls makes it unusable, with the figure in the reason")
    func slow() {
        let probe = KVMProbe(judgement: KVMProbe.judge(Self.run(32_000, .milliseconds(40))))
        #expect(!probe.isUsable)
        #expect(probe.instructionsPerSecond == 1_600_000)
        #expect(probe.reason.contains("1.6 million"))
    }

    @Test("the threshold itself is usable, and just below is not")
    func threshold() {
        #expect(KVMProbe(judgement: KVMProbe.judge(Self.run(50_000_000, .seconds(1)))).isUsable)
        #expect(!KVMProbe(judgement: KVMProbe.judge(Self.run(49_999_999, .seconds(1)))).isUsable)
    }

    @Test("a guest that did nothing in no time is too slow, not infinitely fast")
    func nothing() {
        #expect(KVMProbe.judge(Self.run(0, .zero)) == .tooSlow(instructionsPerSecond: 0))
    }

    @Test("a guest that was ended says nothing about speed")
    func ended() {
        let probe = KVMProbe(judgement: KVMProbe.judge(Self.run(1_000_000_000, .milliseconds(1), exit: 8)))
        #expect(!probe.isUsable)
        #expect(probe.reason.contains("exit reason 8"))
    }

    @Test("a missing device and one that is closed to the user have their cures")
    func unavailable() throws {
        let probe = KVMProbe.measure(device: "/dev/no-such-kvm")
        #expect(
            probe.judgement
                == .unavailable(
                    reason: "it does not exist",
                    cure: "Load the kernel module: sudo modprobe kvm_intel || sudo modprobe kvm_amd"))
        #expect(!KVMProbe(judgement: KVMProbe.judge(.permissionDenied, device: "/dev/kvm")).isUsable)
    }

    @Test("a file that is no KVM is unavailable, not a crash")
    func notKVM() {
        guard case .unavailable = KVMProbe.measure(device: "/dev/null").judgement else {
            Issue.record("/dev/null was taken for KVM")
            return
        }
    }

    @Test("a result is kept for this boot of the host and no other")
    func caches() throws {
        let directory = try TestDirectory()
        let boot = try ProcessIdentity.currentBootID()
        // The device only has to be there to be believed in.
        let device = try directory.file("kvm", [])
        let cache = try directory.file("probe", Array("\(boot) 3e9\n".utf8))
        #expect(KVMProbe.cached(in: cache, device: device).judgement == .usable(instructionsPerSecond: 3e9))
        for text in ["other-boot 3e9\n", "\(boot) nan\n", "\(boot) -1\n", "", "\(boot)\n"] {
            let stale = try directory.file("stale", Array(text.utf8))
            #expect(!KVMProbe.cached(in: stale, device: device).isUsable)
        }
        #expect(!KVMProbe.cached(in: cache, device: "/dev/no-such-kvm").isUsable)
    }

    @Test("a guest counts on this host's KVM, if there is one, within its time", .enabled(if: (try? KVM()) != nil))
    func measures() throws {
        let start = ContinuousClock.now
        let rate = try #require(KVMProbe.measure().instructionsPerSecond)
        #expect(rate > 1000)
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
