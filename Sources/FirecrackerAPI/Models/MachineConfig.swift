/// CPUs and memory: the body of `PUT /machine-config` and the answer of `GET /machine-config`.
public struct MachineConfig: WireModel {
    /// 1 to 32.
    public var vcpuCount: UInt8
    /// Memory in MiB; not 0, even with huge pages.
    public var memSizeMib: UInt
    /// Whether pairs of vCPUs are threads of one core; then their number is 1 or even.
    public var smt: Bool
    /// Deprecated. Nil keeps the one set before.
    public var cpuTemplate: CPUTemplate?
    /// Whether writes are tracked, for diff snapshots.
    public var trackDirtyPages: Bool
    /// What backs the memory.
    public var hugePages: HugePages

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        vcpuCount: UInt8, memSizeMib: UInt, smt: Bool = false, cpuTemplate: CPUTemplate? = nil,
        trackDirtyPages: Bool = false, hugePages: HugePages = .normal
    ) {
        self.vcpuCount = vcpuCount
        self.memSizeMib = memSizeMib
        self.smt = smt
        self.cpuTemplate = cpuTemplate
        self.trackDirtyPages = trackDirtyPages
        self.hugePages = hugePages
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "MachineConfig", initial: MachineConfig(vcpuCount: 1, memSizeMib: 128),
        [
            .required("vcpu_count", \.vcpuCount),
            .required("mem_size_mib", \.memSizeMib),
            .defaulted("smt", \.smt),
            .optional("cpu_template", \.cpuTemplate, isElementOptional: true, isShownAsNull: false),
            .defaulted("track_dirty_pages", \.trackDirtyPages),
            .sparse("huge_pages", \.hugePages, default: .normal),
        ])
}

extension MachineConfig {
    /// How many vCPUs a VM can have.
    public static let vcpuCounts = 1...32

    /// Whether a VM can have so many: with threads in pairs there is one, or an even number.
    public static func allows(vcpuCount: Int, smt: Bool) -> Bool {
        vcpuCounts.contains(vcpuCount) && !(smt && vcpuCount > 1 && !vcpuCount.isMultiple(of: 2))
    }
}

/// The body of `PATCH /machine-config`: what is nil stays.
public struct MachineConfigUpdate: WireModel {
    /// 1 to 32.
    public var vcpuCount: UInt8?
    /// Memory in MiB.
    public var memSizeMib: UInt?
    /// Whether pairs of vCPUs are threads of one core.
    public var smt: Bool?
    /// Deprecated.
    public var cpuTemplate: CPUTemplate?
    /// Whether writes are tracked.
    public var trackDirtyPages: Bool?
    /// What backs the memory.
    public var hugePages: HugePages?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        vcpuCount: UInt8? = nil, memSizeMib: UInt? = nil, smt: Bool? = nil, cpuTemplate: CPUTemplate? = nil,
        trackDirtyPages: Bool? = nil, hugePages: HugePages? = nil
    ) {
        self.vcpuCount = vcpuCount
        self.memSizeMib = memSizeMib
        self.smt = smt
        self.cpuTemplate = cpuTemplate
        self.trackDirtyPages = trackDirtyPages
        self.hugePages = hugePages
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "MachineConfigUpdate", initial: MachineConfigUpdate(),
        [
            .optional("vcpu_count", \.vcpuCount, isElementOptional: true),
            .optional("mem_size_mib", \.memSizeMib, isElementOptional: true),
            .optional("smt", \.smt, isElementOptional: true),
            .optional("cpu_template", \.cpuTemplate, isElementOptional: true),
            .optional("track_dirty_pages", \.trackDirtyPages, isElementOptional: true),
            .optional("huge_pages", \.hugePages, isElementOptional: true),
        ])
}

/// What backs a guest's memory.
public enum HugePages: String, WireEnum {
    /// Pages of the usual size.
    case normal = "None"
    /// Pages of 2 MiB that the host has set aside; the memory is a multiple of 2 MiB then.
    case hugetlbfs2M = "2M"
}

/// A CPU feature template. Deprecated in favour of ``CPUConfig``.
public enum CPUTemplate: String, WireEnum {
    /// Intel, as EC2 C3.
    case c3 = "C3"
    /// Intel, as EC2 T2.
    case t2 = "T2"
    /// Intel, as EC2 T2, for snapshots that move between hosts.
    case t2s = "T2S"
    /// None.
    case empty = "None"
    /// Intel Cascade Lake and later, as EC2 T2.
    case t2cl = "T2CL"
    /// AMD Milan, as EC2 T2.
    case t2a = "T2A"
}
