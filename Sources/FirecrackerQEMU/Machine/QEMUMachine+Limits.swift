internal import FirecrackerAPI

// The limits of drives are QEMU's own throttle groups; what they have moved is asked for.

extension QEMUMachine {
    /// Sets the limits of a drive, live.
    ///
    /// - Parameter fresh: Which of the buckets begin full, and with their bursts.
    public func setLimiter(
        ofDrive id: String, to limiter: DriveLimiter, fresh: (bandwidth: Bool, operations: Bool) = (true, true)
    ) throws(MachineFault) {
        let index = try nodes(ofDrive: id).index
        let stats = try runCommand("query-blockstats")
        let usage = DriveCounters.usage(ofDrive: index, in: stats) ?? .init()
        let applied = bursts.begin(index, limiter, fresh: fresh, usage: usage)
        try apply(applied, toDrive: id)
    }

    /// Whether ``checkBursts()`` has anything to do.
    var hasBursts: Bool { !bursts.isEmpty }

    /// Takes away the bursts that are spent.
    func checkBursts() {
        guard hasBursts, let stats = blockStatistics else { return }
        for change in bursts.advance({ DriveCounters.usage(ofDrive: $0, in: stats) }) {
            guard let drive = driveNodes.first(where: { $0.value.index == change.index }) else { continue }
            try? apply(change.limiter, toDrive: drive.key)
        }
    }

    /// What is left of the drives' bursts. Of the levels of its buckets QEMU says nothing: they count as full.
    func burstLevels() throws(MachineFault) -> [String: LimiterLevels] {
        guard hasBursts else { return [:] }
        let stats = try runCommand("query-blockstats")
        var levels: [String: LimiterLevels] = [:]
        for (id, nodes) in driveNodes {
            let usage = DriveCounters.usage(ofDrive: nodes.index, in: stats) ?? .init()
            let left = bursts.left(nodes.index, usage: usage)
            guard left != DriveBursts.Usage() else { continue }
            levels[Self.burstName(id)] = LimiterLevels(
                bandwidth: .init(budget: .max, oneTimeBurst: left.bytes, age: 0),
                operations: .init(budget: .max, oneTimeBurst: left.operations, age: 0))
        }
        return levels
    }

    /// The limiters with which a machine begins: with their bursts, or with what a snapshot left of them.
    static func initialLimiters(_ description: MachineDescription) -> (limiters: [DriveLimiter], bursts: DriveBursts) {
        var bursts = DriveBursts()
        var limiters: [DriveLimiter] = []
        for drive in description.drives {
            var limiter = drive.limiter
            if let snapshot = description.snapshot {
                let left = snapshot.state.limiters[burstName(drive.id)]
                limiter.bandwidth?.oneTimeBurst = left?.bandwidth?.oneTimeBurst ?? 0
                limiter.operations?.oneTimeBurst = left?.operations?.oneTimeBurst ?? 0
            }
            limiters.append(bursts.begin(drive.place, limiter, usage: .init()))
        }
        return (limiters, bursts)
    }

    private static func burstName(_ id: String) -> String { "block_\(id)" }

    private func apply(_ limiter: DriveLimiter, toDrive id: String) throws(MachineFault) {
        let group = try nodes(ofDrive: id).groupName
        try runCommand(
            "qom-set",
            .members([
                "path": .string("/objects/\(group)"), "property": .string("limits"),
                "value": try Self.parse(DriveNodes.limits(limiter)),
            ]))
    }
}
