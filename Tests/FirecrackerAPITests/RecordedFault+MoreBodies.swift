import FirecrackerAPI

/// What the real Firecracker 1.16.1 answered to more bodies that it could not read.
extension RecordedFault {
    static let moreBodies: [RecordedFault] = [
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": 16, "deflate_on_oom": "x"}"#,
            #"invalid type: string "x", expected a boolean at line 1 column 40"#),
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": 16, "deflate_on_oom": true, "must_tell_host": true}"#,
            "unknown field `must_tell_host`, expected one of `amount_mib`, `deflate_on_oom`, `stats_polling_interval_s`, `free_page_hinting`, `free_page_reporting` at line 1 column 59"
        ),
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": 16, "deflate_on_oom": true, "stats_polling_interval_s": 65536}"#,
            "invalid value: integer `65536`, expected u16 at line 1 column 76"),
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": 16, "deflate_on_oom": true, "free_page_hinting": 1}"#,
            "invalid type: integer `1`, expected a boolean at line 1 column 65"),
        RecordedFault(
            .put, "/balloon", "{}",
            "missing field `amount_mib` at line 1 column 2"),
        RecordedFault(
            .patch, "/balloon", "{}",
            "missing field `amount_mib` at line 1 column 2"),
        RecordedFault(
            .patch, "/balloon", #"{"amount_mib": 1, "foo": 2}"#,
            "unknown field `foo`, expected `amount_mib` at line 1 column 23"),
        RecordedFault(
            .patch, "/balloon/statistics", "{}",
            "missing field `stats_polling_interval_s` at line 1 column 2"),
        RecordedFault(
            .patch, "/balloon/statistics", #"{"stats_polling_interval_s": -1}"#,
            "invalid value: integer `-1`, expected u16 at line 1 column 31"),
        RecordedFault(
            .patch, "/balloon/hinting/start", "x",
            "expected value at line 1 column 1"),
        RecordedFault(
            .put, "/mmds", #"{"b":1,"a":2,"c":1.0,"d":1e400}"#,
            "number out of range at line 1 column 30"),
        RecordedFault(
            .put, "/mmds", "{",
            "EOF while parsing an object at line 1 column 1"),
        RecordedFault(
            .patch, "/mmds", "{",
            "EOF while parsing an object at line 1 column 1"),
        RecordedFault(
            .put, "/mmds/config", "{}",
            "missing field `network_interfaces` at line 1 column 2"),
        RecordedFault(
            .put, "/mmds/config", #"{"network_interfaces": "eth0"}"#,
            #"invalid type: string "eth0", expected a sequence at line 1 column 29"#),
        RecordedFault(
            .put, "/mmds/config", #"{"network_interfaces": ["eth0"], "version": "foo"}"#,
            "unknown variant `foo`, expected `V1` or `V2` at line 1 column 49"),
        RecordedFault(
            .put, "/mmds/config", #"{"network_interfaces": ["eth0"], "version": "v2"}"#,
            "unknown variant `v2`, expected `V1` or `V2` at line 1 column 48"),
        RecordedFault(
            .put, "/mmds/config", #"{"network_interfaces": ["eth0"], "ipv4_address": ""}"#,
            "invalid IPv4 address syntax at line 1 column 51"),
        RecordedFault(
            .put, "/mmds/config", #"{"network_interfaces": ["eth0"], "imds_compat": "x"}"#,
            #"invalid type: string "x", expected a boolean at line 1 column 51"#),
        RecordedFault(
            .put, "/mmds/config", #"{"network_interfaces": ["eth0"], "foo": 1}"#,
            "unknown field `foo`, expected one of `version`, `network_interfaces`, `ipv4_address`, `imds_compat` at line 1 column 38"
        ),
        RecordedFault(
            .put, "/entropy", #"{"foo": 1}"#,
            "unknown field `foo`, expected `rate_limiter` at line 1 column 6"),
        RecordedFault(
            .put, "/entropy", "[]",
            "invalid length 0, expected struct EntropyDeviceConfig with 1 element at line 1 column 2"),
        RecordedFault(
            .put, "/entropy", "x",
            "expected value at line 1 column 1"),
        RecordedFault(
            .put, "/serial", #"{"rate_limiter": {"bandwidth": {"size": 1, "refill_time": 1}}}"#,
            "missing field `size` at line 1 column 61"),
        RecordedFault(
            .put, "/serial", #"{"rate_limiter": {}}"#,
            "missing field `size` at line 1 column 19"),
        RecordedFault(
            .put, "/serial", #"{"serial_out_path": 5}"#,
            "invalid type: integer `5`, expected path string at line 1 column 21"),
        RecordedFault(
            .put, "/serial", #"{"foo": 1}"#,
            "unknown field `foo`, expected `serial_out_path` or `rate_limiter` at line 1 column 6"),
        RecordedFault(
            .put, "/logger", #"{"level": "foo"}"#,
            "Invalid LevelFilter at line 1 column 16"),
        RecordedFault(
            .put, "/logger", #"{"level": 5}"#,
            "invalid type: integer `5`, expected a string at line 1 column 11"),
        RecordedFault(
            .put, "/logger", #"{"show_level": "x"}"#,
            #"invalid type: string "x", expected a boolean at line 1 column 18"#),
        RecordedFault(
            .put, "/logger", #"{"foo": 1}"#,
            "unknown field `foo`, expected one of `log_path`, `level`, `show_level`, `show_log_origin`, `module` at line 1 column 6"
        ),
        RecordedFault(
            .put, "/metrics", "{}",
            "missing field `metrics_path` at line 1 column 2"),
        RecordedFault(
            .put, "/metrics", #"{"metrics_path": 5}"#,
            "invalid type: integer `5`, expected path string at line 1 column 18"),
        RecordedFault(
            .put, "/pmem/p2", #"{"id": "p2"}"#,
            "missing field `path_on_host` at line 1 column 12"),
        RecordedFault(
            .put, "/pmem/p2", #"{"path_on_host": "x"}"#,
            "missing field `id` at line 1 column 21"),
        RecordedFault(
            .patch, "/pmem/p0", #"{"id": "p0", "path_on_host": "x"}"#,
            "unknown field `path_on_host`, expected `id` or `rate_limiter` at line 1 column 27"),
        RecordedFault(
            .patch, "/pmem/p0", "{}",
            "missing field `id` at line 1 column 2"),
        RecordedFault(
            .put, "/hotplug/memory", "{}",
            "missing field `total_size_mib` at line 1 column 2"),
        RecordedFault(
            .put, "/hotplug/memory", #"{"total_size_mib": -1}"#,
            "invalid value: integer `-1`, expected usize at line 1 column 21"),
        RecordedFault(
            .put, "/hotplug/memory", #"{"total_size_mib": "x"}"#,
            #"invalid type: string "x", expected usize at line 1 column 22"#),
        RecordedFault(
            .put, "/hotplug/memory", #"{"total_size_mib": 1024, "foo": 1}"#,
            "unknown field `foo`, expected one of `total_size_mib`, `block_size_mib`, `slot_size_mib` at line 1 column 30"
        ),
        RecordedFault(
            .patch, "/hotplug/memory", "{}",
            "missing field `requested_size_mib` at line 1 column 2"),
        RecordedFault(
            .patch, "/hotplug/memory", #"{"requested_size_mib": -1}"#,
            "invalid value: integer `-1`, expected usize at line 1 column 25"),
        RecordedFault(
            .put, "/actions", #"{"action_type": "foo"}"#,
            "unknown variant `foo`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel` at line 1 column 21"
        ),
        RecordedFault(
            .put, "/actions", #"{"action_type": 5}"#,
            "expected value at line 1 column 17"),
        RecordedFault(
            .put, "/actions", #"{"action_type": "instancestart"}"#,
            "unknown variant `instancestart`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel` at line 1 column 31"
        ),
        RecordedFault(
            .put, "/actions", "{}",
            "missing field `action_type` at line 1 column 2"),
        RecordedFault(
            .put, "/actions", #"{"action_type": "InstanceStart", "payload": "x"}"#,
            "unknown field `payload`, expected `action_type` at line 1 column 42"),
        RecordedFault(
            .put, "/actions", #""InstanceStart""#,
            #"invalid type: string "InstanceStart", expected struct ActionBody at line 1 column 15"#),
        RecordedFault(
            .put, "/actions", #"{"action_type": "InstanceHalt"}"#,
            "unknown variant `InstanceHalt`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel` at line 1 column 30"
        ),
        RecordedFault(
            .put, "/actions", #"{"action_type": "BlockDeviceRescan"}"#,
            "unknown variant `BlockDeviceRescan`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel` at line 1 column 35"
        ),
        RecordedFault(
            .patch, "/vm", #"{"state": "Running"}"#,
            "unknown variant `Running`, expected `Paused` or `Resumed` at line 1 column 19"),
        RecordedFault(
            .patch, "/vm", #"{"state": "paused"}"#,
            "unknown variant `paused`, expected `Paused` or `Resumed` at line 1 column 18"),
        RecordedFault(
            .patch, "/vm", #"{"state": 5}"#,
            "expected value at line 1 column 11"),
        RecordedFault(
            .patch, "/vm", "{}",
            "missing field `state` at line 1 column 2"),
        RecordedFault(
            .patch, "/vm", #"{"state": "Paused", "foo": 1}"#,
            "unknown field `foo`, expected `state` at line 1 column 25"),
        RecordedFault(
            .put, "/snapshot/load", "{}",
            "missing field `snapshot_path` at line 1 column 2"),
        RecordedFault(
            .put, "/snapshot/load", #"{"snapshot_path": "x"}"#,
            "missing field: either `mem_backend` or `mem_file_path` is required"),
        RecordedFault(
            .patch, "/drives/d", #"{"drive_id": "d", "is_read_only": true}"#,
            "unknown field `is_read_only`, expected one of `drive_id`, `path_on_host`, `rate_limiter` at line 1 column 32"
        ),
        RecordedFault(
            .patch, "/network-interfaces/eth0", #"{"iface_id": "eth0", "guest_mac": "x"}"#,
            "unknown field `guest_mac`, expected one of `iface_id`, `rx_rate_limiter`, `tx_rate_limiter` at line 1 column 32"
        ),
        RecordedFault(
            .patch, "/vm", #"{"state": "foo"}"#,
            "unknown variant `foo`, expected `Paused` or `Resumed` at line 1 column 15"),
        RecordedFault(
            .patch, "/drives/d", "{}",
            "missing field `drive_id` at line 1 column 2"),
    ]
}
