/// What `smartvm doctor` found. As JSON, the keys are those of the properties; `cure` and `vmm` are absent where there is none.
public struct DoctorReport: Codable, Hashable, Sendable {
    /// Whether `smartvm run` can work: no check has failed.
    public var ok: Bool
    /// The VMM that would be used.
    public var vmm: ChosenVMM?
    /// What /dev/kvm did, if a guest ran in it.
    public var kvmInstructionsPerSecond: Double?
    /// In a fixed order; more may be added in later versions.
    public var checks: [Check]

    /// The VMM that would be used.
    public struct ChosenVMM: Codable, Hashable, Sendable {
        /// `firecracker` or `qemu`.
        public var kind: String
        /// The program.
        public var path: String
        /// Why it and no other, in a sentence.
        public var reason: String

        /// Each parameter sets the property of its name, which says what it means.
        public init(kind: String, path: String, reason: String) {
            self.kind = kind
            self.path = path
            self.reason = reason
        }
    }

    /// One thing that was looked at.
    public struct Check: Codable, Hashable, Sendable {
        /// How a check came out.
        public enum Status: String, Codable, Hashable, Sendable {
            /// As it should be.
            case ok
            /// Only some things will not work.
            case warning
            /// `smartvm run` cannot work.
            case failed
        }

        /// Stable, for programs: `vmm`, `kvm`, `tun`, ...
        public var name: String
        /// How it came out.
        public var status: Status
        /// What was found, in a sentence or less.
        public var detail: String
        /// The one command that mends it.
        public var cure: String?

        /// The name, how it came out, and what was seen.
        public init(_ name: String, _ status: Status, _ detail: String, cure: String? = nil) {
            self.name = name
            self.status = status
            self.detail = detail
            self.cure = cure
        }
    }

    /// Each parameter sets the property of its name, which says what it means.
    public init(vmm: ChosenVMM?, kvmInstructionsPerSecond: Double?, checks: [Check]) {
        ok = !checks.contains { $0.status == .failed }
        self.vmm = vmm
        self.kvmInstructionsPerSecond = kvmInstructionsPerSecond
        self.checks = checks
    }
}
