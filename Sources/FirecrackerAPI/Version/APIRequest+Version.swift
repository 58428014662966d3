extension APIRequest {
    /// What of this request a release of Firecracker does not have, a sentence each:
    /// `PATCH /balloon/hinting/start needs Firecracker 1.14.0; this one is 1.13.1`. What a VM is configured with before it starts
    /// is not judged here.
    public func problems(for version: FirecrackerVersion) -> [String] {
        requirements.filter { !$0.isMet(by: version) }.map {
            "\($0.name) needs Firecracker \($0.since); this one is \(version)"
        }
    }

    private struct Requirement {
        var name: String
        var since: FirecrackerVersion
        /// Releases before ``since`` to which it was brought too.
        var backports: [Range<FirecrackerVersion>] = []

        func isMet(by version: FirecrackerVersion) -> Bool {
            version >= since || backports.contains { $0.contains(version) }
        }
    }

    private var requirements: [Requirement] {
        switch self {
        case .getBalloonHintingStatus: [Requirement(name: "GET /balloon/hinting/status", since: .init(1, 14))]
        case .startBalloonHinting: [Requirement(name: "PATCH /balloon/hinting/start", since: .init(1, 14))]
        case .stopBalloonHinting: [Requirement(name: "PATCH /balloon/hinting/stop", since: .init(1, 14))]
        case .getMemoryHotplug: [Requirement(name: "GET /hotplug/memory", since: .init(1, 14))]
        case .patchMemoryHotplug: [Requirement(name: "PATCH /hotplug/memory", since: .init(1, 14))]
        case .patchPmem: [Requirement(name: "PATCH /pmem", since: .init(1, 16))]
        case .deleteDrive: [Requirement(name: "DELETE /drives", since: .init(1, 16))]
        case .deletePmem: [Requirement(name: "DELETE /pmem", since: .init(1, 16))]
        case .deleteNetworkInterface: [Requirement(name: "DELETE /network-interfaces", since: .init(1, 16))]
        case .loadSnapshot(let load): Self.requirements(of: load)
        default: []
        }
    }

    private static func requirements(of load: SnapshotLoad) -> [Requirement] {
        var requirements: [Requirement] = []
        if load.trackDirtyPages {
            requirements.append(Requirement(name: "track_dirty_pages of a snapshot", since: .init(1, 13)))
        }
        if !load.networkOverrides.isEmpty {
            requirements.append(Requirement(name: "network_overrides of a snapshot", since: .init(1, 12)))
        }
        if load.vsockOverride != nil {
            requirements.append(Requirement(name: "vsock_override of a snapshot", since: .init(1, 16)))
        }
        if load.clockRealtime {
            let backports = [
                FirecrackerVersion(1, 14, 4)..<FirecrackerVersion(1, 15, 0),
                FirecrackerVersion(1, 15, 1)..<FirecrackerVersion(1, 16, 0),
            ]
            requirements.append(
                Requirement(name: "clock_realtime of a snapshot", since: .init(1, 16), backports: backports))
        }
        return requirements
    }
}
