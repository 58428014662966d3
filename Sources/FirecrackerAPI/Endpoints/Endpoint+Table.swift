extension Endpoint {
    /// The API of Firecracker 1.16.1.
    package static let table: [Endpoint] = instance + machine + devices + memory + metadata + snapshots

    private static let instance: [Endpoint] = [
        .get("/", .always, .getInstanceInfo, answer: APIAnswer.instanceInfo),
        .get("/version", .always, .getVersion, answer: APIAnswer.version),
        .get("/vm/config", .always, .getVMConfiguration, answer: APIAnswer.vmConfiguration),
        .send(.patch, "/vm", .afterStart, { (body: VMStateUpdate) in .setVMState(body.state) }) {
            if case .setVMState(let state) = $0 { VMStateUpdate(state: state) } else { nil }
        },
        .send(.put, "/actions", .always, { (body: ActionRequest) in .performAction(body.actionType) }) {
            if case .performAction(let action) = $0 { ActionRequest(actionType: action) } else { nil }
        },
        .send(.put, "/logger", .beforeStart, APIRequest.putLogger) {
            if case .putLogger(let body) = $0 { body } else { nil }
        },
        .send(.put, "/metrics", .beforeStart, APIRequest.putMetrics) {
            if case .putMetrics(let body) = $0 { body } else { nil }
        },
    ]

    private static let machine: [Endpoint] = [
        .send(.put, "/boot-source", .beforeStart, APIRequest.putBootSource) {
            if case .putBootSource(let body) = $0 { body } else { nil }
        },
        .get("/machine-config", .always, .getMachineConfig, answer: APIAnswer.machineConfig),
        .send(
            .put, "/machine-config", .beforeStart, APIRequest.putMachineConfig,
            { if case .putMachineConfig(let body) = $0 { body } else { nil } },
            deprecation: { $0.cpuTemplate == nil ? nil : "cpu_template field is deprecated." }),
        .send(
            .patch, "/machine-config", .beforeStart, APIRequest.patchMachineConfig,
            { if case .patchMachineConfig(let body) = $0 { body } else { nil } },
            check: { (body) throws(APIFault) in
                if body == MachineConfigUpdate() { throw APIFault("Empty PATCH request.") }
            },
            deprecation: { $0.cpuTemplate == nil ? nil : "cpu_template field is deprecated." }),
        .send(.put, "/cpu-config", .beforeStart, APIRequest.putCPUConfig) {
            if case .putCPUConfig(let body) = $0 { body } else { nil }
        },
    ]

    private static let devices: [Endpoint] = [
        .resource(.put, "/drives/{drive_id}", .configureOrPlug, id: \.driveId, APIRequest.putDrive) {
            if case .putDrive(let body) = $0 { body } else { nil }
        },
        .resource(.patch, "/drives/{drive_id}", .afterStart, id: \.driveId, APIRequest.patchDrive) {
            if case .patchDrive(let body) = $0 { body } else { nil }
        },
        .delete("/drives/{drive_id}", APIRequest.deleteDrive) {
            if case .deleteDrive(let id) = $0 { id } else { nil }
        },
        .resource(.put, "/pmem/{id}", .configureOrPlug, id: \.id, APIRequest.putPmem) {
            if case .putPmem(let body) = $0 { body } else { nil }
        },
        .resource(.patch, "/pmem/{id}", .afterStart, id: \.id, APIRequest.patchPmem) {
            if case .patchPmem(let body) = $0 { body } else { nil }
        },
        .delete("/pmem/{id}", APIRequest.deletePmem) {
            if case .deletePmem(let id) = $0 { id } else { nil }
        },
        .resource(
            .put, "/network-interfaces/{iface_id}", .configureOrPlug, id: \.ifaceId, APIRequest.putNetworkInterface,
            { if case .putNetworkInterface(let body) = $0 { body } else { nil } }, mismatch: interfaceMismatch),
        .resource(
            .patch, "/network-interfaces/{iface_id}", .afterStart, id: \.ifaceId, APIRequest.patchNetworkInterface,
            { if case .patchNetworkInterface(let body) = $0 { body } else { nil } }, mismatch: interfaceMismatch),
        .delete("/network-interfaces/{iface_id}", APIRequest.deleteNetworkInterface) {
            if case .deleteNetworkInterface(let id) = $0 { id } else { nil }
        },
        .send(
            .put, "/vsock", .beforeStart, APIRequest.putVsock,
            { if case .putVsock(let body) = $0 { body } else { nil } },
            deprecation: { $0.vsockId == nil ? nil : "vsock_id field is deprecated." }),
        .send(.put, "/entropy", .beforeStart, APIRequest.putEntropy) {
            if case .putEntropy(let body) = $0 { body } else { nil }
        },
        .send(.put, "/serial", .beforeStart, APIRequest.putSerial) {
            if case .putSerial(let body) = $0 { body } else { nil }
        },
    ]

    @Sendable private static func interfaceMismatch(path: String, body: String) -> String {
        "The id from the path [\(path)] does not match the id from the body [\(body)]!"
    }

    private static let memory: [Endpoint] = [
        .get("/balloon", .always, rest: .none, .getBalloon, answer: APIAnswer.balloon),
        .send(.put, "/balloon", .beforeStart, APIRequest.putBalloon) {
            if case .putBalloon(let body) = $0 { body } else { nil }
        },
        .send(.patch, "/balloon", .afterStart, APIRequest.patchBalloon) {
            if case .patchBalloon(let body) = $0 { body } else { nil }
        },
        .get("/balloon/statistics", .afterStart, .getBalloonStatistics, answer: APIAnswer.balloonStatistics),
        .send(.patch, "/balloon/statistics", .afterStart, APIRequest.patchBalloonStatistics) {
            if case .patchBalloonStatistics(let body) = $0 { body } else { nil }
        },
        .get("/balloon/hinting/status", .afterStart, .getBalloonHintingStatus, answer: APIAnswer.balloonHintingStatus),
        .send(.patch, "/balloon/hinting/start", .afterStart, body: .optional, APIRequest.startBalloonHinting) {
            if case .startBalloonHinting(let body) = $0 { body } else { nil }
        },
        Endpoint(
            .patch, "/balloon/hinting/stop", .afterStart, body: .optional, parse: { _, _ in .stopBalloonHinting },
            render: { $0 == .stopBalloonHinting ? Rendering() : nil }),
        .get("/hotplug/memory", .afterStart, .getMemoryHotplug, answer: APIAnswer.memoryHotplug),
        .send(.put, "/hotplug/memory", .beforeStart, APIRequest.putMemoryHotplug) {
            if case .putMemoryHotplug(let body) = $0 { body } else { nil }
        },
        .send(.patch, "/hotplug/memory", .afterStart, APIRequest.patchMemoryHotplug) {
            if case .patchMemoryHotplug(let body) = $0 { body } else { nil }
        },
    ]

    private static let metadata: [Endpoint] = [
        .get("/mmds", .always, .getMMDS, answer: APIAnswer.mmds),
        .send(.put, "/mmds", .always, rest: .none, APIRequest.putMMDS) {
            if case .putMMDS(let body) = $0 { body } else { nil }
        },
        .send(.patch, "/mmds", .always, APIRequest.patchMMDS) {
            if case .patchMMDS(let body) = $0 { body } else { nil }
        },
        .send(
            .put, "/mmds/config", .beforeStart, APIRequest.putMMDSConfig,
            { if case .putMMDSConfig(let body) = $0 { body } else { nil } },
            deprecation: { $0.version == .v1 ? "V1 is deprecated. Use V2 instead." : nil }),
    ]

    private static let snapshots: [Endpoint] = [
        .send(.put, "/snapshot/create", .afterStart, APIRequest.createSnapshot) {
            if case .createSnapshot(let body) = $0 { body } else { nil }
        },
        .send(
            .put, "/snapshot/load", .beforeStart, APIRequest.loadSnapshot,
            { if case .loadSnapshot(let body) = $0 { body } else { nil } },
            check: { (body) throws(APIFault) in
                switch (body.memBackend, body.memFilePath) {
                case (nil, nil):
                    throw .badBody(
                        JSONFault("missing field: either `mem_backend` or `mem_file_path` is required"))
                case (_?, _?):
                    throw .badBody(
                        JSONFault("too many fields: either `mem_backend` or `mem_file_path` exclusively is required"))
                default: break
                }
            },
            deprecation: {
                $0.memFilePath != nil || $0.enableDiffSnapshots
                    ? "mem_file_path and enable_diff_snapshots fields are deprecated." : nil
            }),
    ]
}
