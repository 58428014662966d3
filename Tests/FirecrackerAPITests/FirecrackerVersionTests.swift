import FirecrackerAPI
import Testing

@Suite("Firecracker's versions")
struct FirecrackerVersionTests {
    @Test(
        "what can be read",
        arguments: [
            ("1.16.1", FirecrackerVersion(1, 16, 1)), ("v1.16.1", .init(1, 16, 1)), ("1.16", .init(1, 16, 0)),
            ("1.17.0-dev", .init(1, 17, 0)), ("v0.25.0", .init(0, 25, 0)),
        ])
    func read(text: String, version: FirecrackerVersion) {
        #expect(FirecrackerVersion(text) == version)
        #expect(FirecrackerVersion(version.description) == version)
    }

    @Test("what cannot", arguments: ["", "1", "1.", "1.x.1", "1.2.3.4", "vv1.2.3", "1.-2.3", "1.2.3333333", " 1.2.3"])
    func refuse(text: String) {
        #expect(FirecrackerVersion(text) == nil)
    }

    @Test("the output of --version, which also has a line of the log")
    func programOutput() {
        let output =
            "Firecracker v1.16.1\n\n2026-01-01T00:00:00.0 [x:main] Firecracker exiting successfully. exit_code=0\n"
        #expect(FirecrackerVersion(programOutput: output) == .described)
        #expect(FirecrackerVersion(programOutput: "Jailer v1.16.1\n") == nil)
        #expect(FirecrackerVersion(programOutput: "") == nil)
    }

    @Test("they are ordered by number, not by text")
    func order() {
        #expect(FirecrackerVersion(1, 9, 1) < FirecrackerVersion(1, 10, 0))
        #expect(FirecrackerVersion(1, 16, 0) < FirecrackerVersion(1, 16, 1))
        #expect(FirecrackerVersion(0, 25, 0) < FirecrackerVersion(1, 0, 0))
    }

    @Test("what is broken in a release is said")
    func problems() {
        let known = FirecrackerVersion(1, 16, 0).knownProblems
        #expect(known.contains { $0.hasPrefix("Firecracker 1.16.0 breaks vsock after a snapshot is restored") })
        #expect(!FirecrackerVersion(1, 16, 1).knownProblems.contains { $0.contains("restored") })
        #expect(FirecrackerVersion(1, 15, 1).knownProblems == [])
    }

    private static let load = SnapshotLoad(
        snapshotPath: "/s", memBackend: MemoryBackend(backendPath: "/m", backendType: .file))

    private static let requests: [(request: APIRequest, name: String, since: FirecrackerVersion)] = {
        var (tracking, network, vsock) = (load, load, load)
        tracking.trackDirtyPages = true
        network.networkOverrides = [NetworkOverride(ifaceId: "eth0", hostDevName: "tap1")]
        vsock.vsockOverride = VsockOverride(udsPath: "/v")
        return [
            (.loadSnapshot(tracking), "track_dirty_pages of a snapshot", .init(1, 13)),
            (.loadSnapshot(network), "network_overrides of a snapshot", .init(1, 12)),
            (.loadSnapshot(vsock), "vsock_override of a snapshot", .init(1, 16)),
            (.startBalloonHinting(BalloonHintingStart()), "PATCH /balloon/hinting/start", .init(1, 14)),
            (.patchMemoryHotplug(MemoryHotplugUpdate(requestedSizeMib: 2)), "PATCH /hotplug/memory", .init(1, 14)),
            (.deleteDrive(id: "a"), "DELETE /drives", .init(1, 16)),
        ]
    }()

    @Test("what can be asked of a VM that runs has its release too")
    func requirements() {
        for (request, name, since) in Self.requests {
            #expect(request.problems(for: since) == [])
            let before = FirecrackerVersion(since.major, since.minor - 1, 9)
            #expect(request.problems(for: before) == ["\(name) needs Firecracker \(since); this one is \(before)"])
        }
        #expect(APIRequest.loadSnapshot(Self.load).problems(for: .oldest) == [])
        #expect(APIRequest.getVersion.problems(for: .oldest) == [])
    }

    @Test("clock_realtime was brought to two older series, and is missing between them")
    func backports() {
        var load = Self.load
        load.clockRealtime = true
        let lacking = [(1, 14, 3), (1, 14, 4), (1, 15, 0), (1, 15, 1), (1, 16, 0)].map { version in
            !APIRequest.loadSnapshot(load).problems(for: .init(version.0, version.1, version.2)).isEmpty
        }
        #expect(lacking == [true, false, true, false, false])
    }

    @Test("what an older release would refuse by name is sent only where it says something")
    func sparse() {
        let sent = String(decoding: Self.load.json(showsNulls: false), as: UTF8.self)
        #expect(
            sent
                == #"{"snapshot_path":"/s","mem_backend":{"backend_path":"/m","backend_type":"File"},"resume_vm":false}"#
        )
    }
}
