/// The block nodes of one drive, as QEMU's JSON: file ← raw format ← throttle filter ← device.
///
/// The filter is always there, so that limits can be set on a drive that began without any, and so that another file can take the
/// place of the first below it. Each new file is a new generation of the two lower nodes.
struct DriveNodes {
    /// The drive's place, from 0.
    let index: Int
    var generation = 0
    let isReadOnly: Bool
    let isWriteback: Bool
    var isBlockDevice: Bool

    init(_ drive: MachineDescription.BlockDevice, index: Int, isBlockDevice: Bool) {
        self.index = index
        isReadOnly = drive.isReadOnly
        isWriteback = drive.isWriteback
        self.isBlockDevice = isBlockDevice
    }

    var device: String { "drive\(index)" }
    var groupName: String { "limits\(index)" }
    var fileName: String { "file\(index)g\(generation)" }
    var formatName: String { "raw\(index)g\(generation)" }
    var filterName: String { "throttle\(index)" }

    /// The number of the set that holds the file's descriptor.
    var descriptorSet: Int { index + 1 + generation * QEMUCommandLine.maximumDevices }

    var file: String {
        // Without flushes the guest's writes are only as safe as the host's page cache: Firecracker's default. Locks are off because
        // Firecracker takes none, and base images are shared.
        """
        {"driver":"\(isBlockDevice ? "host_device" : "file")","node-name":"\(fileName)",\
        "filename":"/dev/fdset/\(descriptorSet)","read-only":\(isReadOnly),"auto-read-only":false,"locking":"off",\
        "discard":"unmap","cache":{"direct":false,"no-flush":\(!isWriteback)}}
        """
    }

    var format: String {
        """
        {"driver":"raw","node-name":"\(formatName)","file":"\(fileName)","read-only":\(isReadOnly),"discard":"unmap",\
        "cache":{"direct":false,"no-flush":\(!isWriteback)}}
        """
    }

    var filter: String {
        """
        {"driver":"throttle","node-name":"\(filterName)","throttle-group":"\(groupName)","file":"\(formatName)",\
        "read-only":\(isReadOnly),"discard":"unmap","cache":{"direct":false,"no-flush":\(!isWriteback)}}
        """
    }

    func throttleGroup(_ limiter: DriveLimiter) -> String {
        "{\"qom-type\":\"throttle-group\",\"id\":\"\(groupName)\",\"limits\":\(Self.limits(limiter))}"
    }

    /// QEMU's leaky buckets: a rate a second, and how much can be had at once. A limit that is not there is 0.
    static func limits(_ limiter: DriveLimiter) -> String {
        let (bytes, byteBurst) = rate(limiter.bandwidth)
        let (operations, operationBurst) = rate(limiter.operations)
        return """
            {"bps-total":\(bytes),"bps-total-max":\(byteBurst),"iops-total":\(operations),\
            "iops-total-max":\(operationBurst)}
            """
    }

    /// What can be had at once is either what flows in during a second or more, or, with a burst of 0, during a tenth of a second:
    /// the nearer of the two is taken.
    private static func rate(_ bucket: DriveLimiter.Bucket?) -> (perSecond: UInt64, burst: UInt64) {
        guard let bucket, bucket.size > 0, bucket.refillMilliseconds > 0 else { return (0, 0) }
        let limit: UInt64 = 1_000_000_000_000_000  // QEMU's largest
        let (product, overflow) = bucket.size.multipliedReportingOverflow(by: 1000)
        let perSecond = overflow ? limit : min(limit, max(1, product / bucket.refillMilliseconds))
        let wanted = bucket.oneTimeBurst > 0 ? bucket.oneTimeBurst : bucket.size
        return (perSecond, wanted < perSecond / 2 ? 0 : min(limit, max(perSecond, wanted)))
    }
}
