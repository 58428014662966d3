import FirecrackerAPI

/// What the real Firecracker 1.16.1 answered to requests that it could not route.
extension RecordedFault {
    static let routes: [RecordedFault] = [
        RecordedFault(
            .get, "/balloon/hinting", nil,
            "Unrecognized GET request path `/hinting/`."),
        RecordedFault(
            .get, "/balloon/hinting/foo", nil,
            "Unrecognized GET request path `/hinting/foo`."),
        RecordedFault(
            .get, "/balloon/foo", nil,
            "Unrecognized GET request path `foo`."),
        RecordedFault(
            .get, "/hotplug", nil,
            "Invalid request method and/or path: GET hotplug."),
        RecordedFault(
            .get, "/hotplug/foo", nil,
            "Invalid request method and/or path: GET hotplug."),
        RecordedFault(
            .get, "/vm", nil,
            "Invalid request method and/or path: GET vm."),
        RecordedFault(
            .get, "/vm/foo", nil,
            "Invalid request method and/or path: GET vm."),
        RecordedFault(
            .get, "/unknown", nil,
            "Invalid request method and/or path: GET unknown."),
        RecordedFault(
            .get, "/version?x=1", nil,
            "Invalid request method and/or path: GET version?x=1."),
        RecordedFault(
            .get, "/actions", nil,
            "Invalid request method and/or path: GET actions."),
        RecordedFault(
            .get, "/logger", nil,
            "Invalid request method and/or path: GET logger."),
        RecordedFault(
            .get, "/drives", nil,
            "Invalid request method and/or path: GET drives."),
        RecordedFault(
            .get, "/drives/rootfs", nil,
            "Invalid request method and/or path: GET drives."),
        RecordedFault(
            .get, "/network-interfaces/eth0", nil,
            "Invalid request method and/or path: GET network-interfaces."),
        RecordedFault(
            .get, "/boot-source", nil,
            "Invalid request method and/or path: GET boot-source."),
        RecordedFault(
            .get, "/vsock", nil,
            "Invalid request method and/or path: GET vsock."),
        RecordedFault(
            .get, "/entropy", nil,
            "Invalid request method and/or path: GET entropy."),
        RecordedFault(
            .get, "/snapshot/create", nil,
            "Invalid request method and/or path: GET snapshot."),
        RecordedFault(
            .get, "/cpu-config", nil,
            "Invalid request method and/or path: GET cpu-config."),
        RecordedFault(
            .get, "/pmem/p0", nil,
            "Invalid request method and/or path: GET pmem."),
        RecordedFault(
            .get, "/serial", nil,
            "Invalid request method and/or path: GET serial."),
        RecordedFault(
            .get, "/metrics", nil,
            "Invalid request method and/or path: GET metrics."),
        RecordedFault(
            .get, "/Version", nil,
            "Invalid request method and/or path: GET Version."),
        RecordedFault(
            .get, "/%76ersion", nil,
            "Invalid request method and/or path: GET %76ersion."),
        RecordedFault(
            .delete, "/", nil,
            "Invalid request method and/or path: DELETE ."),
        RecordedFault(
            .delete, "/drives", nil,
            "The ID cannot be empty."),
        RecordedFault(
            .delete, "/drives/", nil,
            "The ID cannot be empty."),
        RecordedFault(
            .delete, "/drives/ro-ot", nil,
            "API Resource IDs can only contain alphanumeric characters and underscores."),
        RecordedFault(
            .delete, "/drives/rootfs", "{}",
            "Empty Delete request."),
        RecordedFault(
            .delete, "/vsock", nil,
            "Invalid request method and/or path: DELETE vsock."),
        RecordedFault(
            .delete, "/vsock", "{}",
            "Empty Delete request."),
        RecordedFault(
            .delete, "/unknown", nil,
            "Invalid request method and/or path: DELETE unknown."),
        RecordedFault(
            .put, "/", "{}",
            "Invalid request method and/or path: PUT ."),
        RecordedFault(
            .put, "/version", "{}",
            "Invalid request method and/or path: PUT version."),
        RecordedFault(
            .put, "/vm", #"{"state": "Paused"}"#,
            "Invalid request method and/or path: PUT vm."),
        RecordedFault(
            .put, "/vm/config", "{}",
            "Invalid request method and/or path: PUT vm."),
        RecordedFault(
            .put, "/unknown", "{}",
            "Invalid request method and/or path: PUT unknown."),
        RecordedFault(
            .put, "/hotplug", "{}",
            "Invalid request method and/or path: PUT hotplug."),
        RecordedFault(
            .put, "/hotplug/foo", "{}",
            "Invalid request method and/or path: PUT hotplug."),
        RecordedFault(
            .patch, "/", "{}",
            "Invalid request method and/or path: PATCH ."),
        RecordedFault(
            .patch, "/version", "{}",
            "Invalid request method and/or path: PATCH version."),
        RecordedFault(
            .patch, "/boot-source", #"{"kernel_image_path": "x"}"#,
            "Invalid request method and/or path: PATCH boot-source."),
        RecordedFault(
            .patch, "/logger", #"{"level": "Error"}"#,
            "Invalid request method and/or path: PATCH logger."),
        RecordedFault(
            .patch, "/actions", "{}",
            "Invalid request method and/or path: PATCH actions."),
        RecordedFault(
            .patch, "/vsock", "{}",
            "Invalid request method and/or path: PATCH vsock."),
        RecordedFault(
            .patch, "/snapshot/create", "{}",
            "Invalid request method and/or path: PATCH snapshot."),
        RecordedFault(
            .patch, "/unknown", "{}",
            "Invalid request method and/or path: PATCH unknown."),
        RecordedFault(
            .patch, "/hotplug", "{}",
            "Invalid request method and/or path: PATCH hotplug."),
        RecordedFault(
            .patch, "/entropy", "{}",
            "Invalid request method and/or path: PATCH entropy."),
        RecordedFault(
            .patch, "/cpu-config", "{}",
            "Invalid request method and/or path: PATCH cpu-config."),
        RecordedFault(
            .patch, "/serial", "{}",
            "Invalid request method and/or path: PATCH serial."),
        RecordedFault(
            .patch, "/metrics", "{}",
            "Invalid request method and/or path: PATCH metrics."),
        RecordedFault(
            .put, "/actions", nil,
            "Empty PUT request."),
        RecordedFault(
            .put, "/actions", "",
            "Empty PUT request."),
        RecordedFault(
            .put, "/machine-config", nil,
            "Empty PUT request."),
        RecordedFault(
            .put, "/mmds", nil,
            "Empty PUT request."),
        RecordedFault(
            .put, "/unknown", nil,
            "Empty PUT request."),
        RecordedFault(
            .put, "/hotplug/memory", nil,
            "Empty PUT request."),
        RecordedFault(
            .put, "/snapshot/create", nil,
            "Empty PUT request."),
        RecordedFault(
            .put, "/snapshot", nil,
            "Empty PUT request."),
        RecordedFault(
            .patch, "/machine-config", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/drives/rootfs", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/vm", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/unknown", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/mmds", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/hotplug/memory", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/pmem/p0", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/network-interfaces/eth0", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/balloon", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/balloon/statistics", nil,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/balloon/hinting", nil,
            "Unrecognized PATCH request path `/hinting/`."),
        RecordedFault(
            .patch, "/balloon/hinting/foo", nil,
            "Unrecognized PATCH request path `/hinting/foo`."),
        RecordedFault(
            .get, "/", "{}",
            "GET request cannot have a body."),
        RecordedFault(
            .get, "/machine-config", "{}",
            "GET request cannot have a body."),
        RecordedFault(
            .get, "/unknown", "{}",
            "GET request cannot have a body."),
        RecordedFault(
            .get, "/vm/config", "x",
            "GET request cannot have a body."),
        RecordedFault(
            .patch, "/machine-config", "{}",
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/machine-config", #"{"vcpu_count": null}"#,
            "Empty PATCH request."),
        RecordedFault(
            .patch, "/machine-config", "[]",
            "Empty PATCH request."),
        RecordedFault(
            .put, "/network-interfaces/eth1", #"{"iface_id": "eth0", "host_dev_name": "fctap0"}"#,
            "The id from the path [eth1] does not match the id from the body [eth0]!"),
        RecordedFault(
            .put, "/network-interfaces/et-h1", #"{"iface_id": "et-h1", "host_dev_name": "fctap0"}"#,
            "API Resource IDs can only contain alphanumeric characters and underscores."),
        RecordedFault(
            .put, "/network-interfaces", #"{"iface_id": "eth0", "host_dev_name": "fctap0"}"#,
            "The ID cannot be empty."),
        RecordedFault(
            .put, "/mmds/foo", "{}",
            "Unrecognized PUT request path `foo`."),
        RecordedFault(
            .put, "/entropy", nil,
            "Empty PUT request."),
        RecordedFault(
            .patch, "/pmem/p0", #"{"id": "p1"}"#,
            "The id from the path does not match the id from the body!"),
        RecordedFault(
            .patch, "/pmem", #"{"id": "p0"}"#,
            "The ID cannot be empty."),
        RecordedFault(
            .patch, "/drives/d", #"{"drive_id": "e"}"#,
            "The id from the path does not match the id from the body!"),
        RecordedFault(
            .patch, "/drives", #"{"drive_id": "d"}"#,
            "The ID cannot be empty."),
        RecordedFault(
            .patch, "/drives/d-1", #"{"drive_id": "d-1"}"#,
            "API Resource IDs can only contain alphanumeric characters and underscores."),
        RecordedFault(
            .patch, "/network-interfaces/eth0", #"{"iface_id": "eth1"}"#,
            "The id from the path [eth0] does not match the id from the body [eth1]!"),
    ]
}
