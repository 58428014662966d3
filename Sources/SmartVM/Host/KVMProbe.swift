internal import FoundationEssentials
internal import Linux

/// Whether the kernel's hypervisor runs guests at a CPU's speed, found out by running one.
///
/// That /dev/kvm exists and makes VMs says little: where virtualisation is itself emulated, it runs real guests hundreds of times too
/// slowly, and Linux dies in it. So a guest of two instructions counts for a moment, and instructions per second of CPU time decide:
/// CPU time, so that a host with much else to do is not taken for a slow one. A CPU does billions; what was measured of emulation is
/// 1.6 million. The result is kept for as long as the host runs, since it cannot change before.
public struct KVMProbe: Hashable, Sendable {
    /// What was found.
    public enum Judgement: Hashable, Sendable {
        /// Guests run at a CPU's speed.
        case usable(instructionsPerSecond: Double)
        /// Guests run, but by emulation.
        case tooSlow(instructionsPerSecond: Double)
        /// There is no device, or it cannot be used: the reason, in words that follow "because".
        case unavailable(reason: String, cure: String?)
    }

    /// What was found.
    public var judgement: Judgement

    /// Fewer instructions per second than this are emulation: a tenth of what slow CPUs do, and sixty times what emulation does.
    public static let threshold = 100_000_000.0
    /// How long the guest counts.
    static let duration = Duration.milliseconds(40)

    /// Each parameter sets the property of its name, which says what it means.
    public init(judgement: Judgement) {
        self.judgement = judgement
    }

    /// Whether it runs guests at the speed of the processor.
    public var isUsable: Bool {
        if case .usable = judgement { return true }
        return false
    }

    /// What the guest counted per second, if it ran.
    public var instructionsPerSecond: Double? {
        switch judgement {
        case .usable(let rate), .tooSlow(let rate): rate
        case .unavailable: nil
        }
    }

    /// A sentence.
    public var reason: String {
        switch judgement {
        case .usable(let rate): "/dev/kvm runs guests at \(Self.millions(rate)) million instructions a second."
        case .tooSlow(let rate):
            "/dev/kvm runs guests at \(Self.millions(rate)) million instructions a second, which is emulation: a CPU does more than "
                + "\(Self.millions(Self.threshold)) million."
        case .unavailable(let reason, _): "/dev/kvm cannot be used: \(reason)."
        }
    }

    /// One decimal place below ten.
    private static func millions(_ rate: Double) -> String {
        let tenths = Int((rate / 100_000).rounded())
        return tenths >= 100 ? "\(Int((rate / 1_000_000).rounded()))" : "\(tenths / 10).\(tenths % 10)"
    }

    /// Judges what a guest did: `counter` iterations of two instructions.
    static func judge(_ run: KVM.Run) -> Judgement {
        if let exitReason = run.exitReason {
            return .unavailable(
                reason: "a guest that only counts was ended by it (exit reason \(exitReason))", cure: nil)
        }
        let seconds = Double(run.cpuTime.components.seconds) + Double(run.cpuTime.components.attoseconds) / 1e18
        guard seconds > 0 else { return .tooSlow(instructionsPerSecond: 0) }
        let rate = Double(run.counter) * 2 / seconds
        return rate >= threshold ? .usable(instructionsPerSecond: rate) : .tooSlow(instructionsPerSecond: rate)
    }

    /// Judges why it could not be opened or run.
    static func judge(_ error: Errno, device: String) -> Judgement {
        switch error {
        case .noSuchFile:
            .unavailable(
                reason: "it does not exist",
                cure: "Load the kernel module: sudo modprobe kvm_intel || sudo modprobe kvm_amd")
        case .permissionDenied:
            .unavailable(reason: "this user may not open it", cure: "sudo usermod -aG kvm $USER, and log in again")
        default:
            .unavailable(reason: "\(error)", cure: nil)
        }
    }

    /// Runs the guest, now. Takes about 50 ms; blocks the thread.
    public static func measure(device: String = "/dev/kvm") -> KVMProbe {
        do throws(Errno) {
            let kvm = try KVM(device: device)
            guard try kvm.apiVersion() == 12 else {
                return KVMProbe(judgement: .unavailable(reason: "its API is not version 12", cure: nil))
            }
            #if arch(x86_64)
                // inc rcx; jmp to it.
                return KVMProbe(judgement: judge(try kvm.run([0x48, 0xff, 0xc1, 0xeb, 0xfb], for: duration)))
            #else
                return KVMProbe(
                    judgement: .unavailable(reason: "SmartVM can judge it on x86-64 alone", cure: nil))
            #endif
        } catch {
            return KVMProbe(judgement: judge(error, device: device))
        }
    }

    /// The result that this boot of the host has already given, or a new one. What made it unavailable is looked at each time: that
    /// costs nothing, and may be mended by now.
    ///
    /// - Parameters:
    ///   - device: Default: `/dev/kvm`.
    ///   - cache: A file. One that cannot be written is done without.
    public static func cached(in cache: String, device: String = "/dev/kvm") -> KVMProbe {
        let bootID = try? ProcessIdentity.currentBootID()
        if let bootID, let text = try? File.readText(cache, limit: 4096), File.isWritable(device) {
            let fields = text.split(whereSeparator: \.isWhitespace)
            if fields.count == 2, fields[0] == bootID, let rate = Double(fields[1]), rate.isFinite, rate >= 0 {
                return KVMProbe(
                    judgement: rate >= threshold
                        ? .usable(instructionsPerSecond: rate) : .tooSlow(instructionsPerSecond: rate))
            }
        }
        let probe = measure(device: device)
        if let bootID, let rate = probe.instructionsPerSecond {
            try? File.replace(cache, with: Array("\(bootID) \(rate)\n".utf8))
        }
        return probe
    }
}
