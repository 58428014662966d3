import FirecrackerAPI
import Testing

@Suite("The table of endpoints")
struct EndpointTests {
    private static let limiter = RateLimiter(
        bandwidth: TokenBucket(size: 1, refillTime: 2, oneTimeBurst: 3), ops: TokenBucket(size: 4, refillTime: 5))

    /// At least one request of every row.
    static let samples: [APIRequest] = [
        .getInstanceInfo, .getVersion, .getVMConfiguration, .performAction(.instanceStart), .setVMState(.resumed),
        .putBootSource(BootSource(kernelImagePath: "/k", initrdPath: "/i", bootArgs: "a \"b\"\n")), .getMachineConfig,
        .putMachineConfig(
            MachineConfig(
                vcpuCount: 2, memSizeMib: 256, smt: true, cpuTemplate: .t2, trackDirtyPages: true,
                hugePages: .hugetlbfs2M)),
        .patchMachineConfig(MachineConfigUpdate(memSizeMib: 64)),
        .putCPUConfig(
            CPUConfig(
                kvmCapabilities: ["121", "!122"],
                cpuidModifiers: [
                    CPUIDModifier(
                        leaf: "0x1", subleaf: "0b0", flags: 0,
                        modifiers: [CPUIDRegisterModifier(register: "eax", bitmap: "0bx01")])
                ], msrModifiers: [MSRModifier(addr: "0x10", bitmap: "0b1")])),
        .putDrive(Drive(driveId: "d", isRootDevice: true, isReadOnly: true, pathOnHost: "/d", rateLimiter: limiter)),
        .patchDrive(DriveUpdate(driveId: "d", pathOnHost: "/e")), .deleteDrive(id: "d"),
        .putPmem(Pmem(id: "p", pathOnHost: "/p", rootDevice: true)),
        .patchPmem(PmemUpdate(id: "p", rateLimiter: limiter)),
        .deletePmem(id: "p"),
        .putNetworkInterface(
            NetworkInterface(ifaceId: "eth0", hostDevName: "tap0", guestMac: "aa:bb:cc:dd:ee:ff", mtu: 1500)),
        .patchNetworkInterface(NetworkInterfaceUpdate(ifaceId: "eth0", rxRateLimiter: limiter)),
        .deleteNetworkInterface(id: "été_1"), .putVsock(VsockConfig(guestCid: 3, udsPath: "/v", vsockId: "v")),
        .putEntropy(EntropyConfig(rateLimiter: limiter)),
        .putSerial(SerialConfig(serialOutPath: "/s", rateLimiter: TokenBucket(size: 1, refillTime: 1))), .getBalloon,
        .putBalloon(
            BalloonConfig(
                amountMib: 1, deflateOnOom: true, statsPollingIntervalS: 2, freePageHinting: true,
                freePageReporting: true)), .patchBalloon(BalloonUpdate(amountMib: 2)), .getBalloonStatistics,
        .patchBalloonStatistics(BalloonStatisticsUpdate(statsPollingIntervalS: 3)), .getBalloonHintingStatus,
        .startBalloonHinting(BalloonHintingStart(acknowledgeOnStop: false)), .stopBalloonHinting, .getMemoryHotplug,
        .putMemoryHotplug(MemoryHotplugConfig(totalSizeMib: 1024, blockSizeMib: 4, slotSizeMib: 256)),
        .patchMemoryHotplug(MemoryHotplugUpdate(requestedSizeMib: 128)), .getMMDS,
        .putMMDS(.object(JSONObject())), .patchMMDS(.array([.null, .bool(true)])),
        .putMMDSConfig(
            MMDSConfig(networkInterfaces: ["eth0"], version: .v2, ipv4Address: "169.254.1.1", imdsCompat: true)),
        .putLogger(LoggerConfig(logPath: "/l", level: .warn, showLevel: true, showLogOrigin: false, module: "m")),
        .putMetrics(MetricsConfig(metricsPath: "/m")),
        .createSnapshot(SnapshotCreate(snapshotPath: "/s", memFilePath: "/m", snapshotType: .diff)),
        .loadSnapshot(
            SnapshotLoad(
                snapshotPath: "/s", memBackend: MemoryBackend(backendPath: "/m", backendType: .uffd), resumeVm: true,
                networkOverrides: [NetworkOverride(ifaceId: "eth0", hostDevName: "tap1")],
                vsockOverride: VsockOverride(udsPath: "/v2"), clockRealtime: true)),
    ]

    @Test("What a client renders, a server parses back", arguments: samples)
    func roundTrip(request: APIRequest) throws {
        let wire = try Endpoint.rendered(request)
        let parsed = try Endpoint.parse(wire.endpoint.method, wire.path, body: wire.body)
        #expect(parsed.request == request)
        #expect(parsed.endpoint.description == wire.endpoint.description)
    }

    @Test("Every row has a sample, and no two rows are alike")
    func completeness() throws {
        let rendered = try Self.samples.map { try Endpoint.rendered($0).endpoint.description }
        let rows = Endpoint.table.map(\.description)
        #expect(Set(rendered) == Set(rows))
        #expect(Set(rows).count == rows.count)
    }

    @Test(
        "An id that would change the path is refused before it is sent", arguments: ["", "a/b", "a b", "a\r\nb", "a?b"])
    func identifiers(id: String) {
        #expect(throws: APIFault.self) { try Endpoint.rendered(.deleteDrive(id: id)) }
    }

    @Test(
        "Firecracker looks no further into a path than it needs to",
        arguments: [
            ("/machine-config/", "GET /machine-config"), ("//machine-config", "GET /machine-config"),
            ("/machine-config/extra", "GET /machine-config"), ("", "GET /"), ("/", "GET /"),
            ("/mmds/config", "GET /mmds"),
            ("/balloon/", "GET /balloon"), ("/balloon/statistics/x", "GET /balloon/statistics"),
        ])
    func leniency(path: String, row: String) throws {
        #expect(try Endpoint.parse(.get, path, body: nil).endpoint.description == row)
    }

    @Test("A request is refused before or after the start as its row says")
    func availability() {
        for row in Endpoint.table {
            switch row.availability {
            case .always, .configureOrPlug:
                #expect(row.availability.refusal(isStarted: false) == nil)
                #expect(row.availability.refusal(isStarted: true) == nil)
            case .beforeStart: #expect(row.availability.refusal(isStarted: true) == .notAfterStart)
            case .afterStart: #expect(row.availability.refusal(isStarted: false) == .notBeforeStart)
            }
        }
    }

    @Test(
        "The use of what is deprecated is told",
        arguments: [
            ("/vsock", #"{"guest_cid":3,"uds_path":"v","vsock_id":"x"}"#, "PUT /vsock: vsock_id field is deprecated."),
            ("/vsock", #"{"guest_cid":3,"uds_path":"v"}"#, nil),
            ("/mmds/config", #"{"network_interfaces":[]}"#, "PUT /mmds/config: V1 is deprecated. Use V2 instead."),
            ("/mmds/config", #"{"network_interfaces":[],"version":"V2"}"#, nil),
            (
                "/snapshot/load", #"{"snapshot_path":"s","mem_file_path":"m"}"#,
                "PUT /snapshot/load: mem_file_path and enable_diff_snapshots fields are deprecated."
            ),
        ])
    func deprecation(path: String, body: String, warning: String?) throws {
        #expect(try Endpoint.parse(.put, path, body: Array(body.utf8)).deprecation == warning)
    }
}
