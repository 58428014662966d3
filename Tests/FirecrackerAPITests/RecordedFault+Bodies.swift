import FirecrackerAPI

/// What the real Firecracker 1.16.1 answered to bodies that it could not read, without what stands before and behind.
extension RecordedFault {
    static let bodies: [RecordedFault] = [
        RecordedFault(
            .put, "/balloon/statistics", #"{"stats_polling_interval_s": 1}"#,
            "missing field `amount_mib` at line 1 column 31"),
        RecordedFault(
            .put, "/machine-config", "{",
            "EOF while parsing an object at line 1 column 1"),
        RecordedFault(
            .put, "/machine-config", "}",
            "expected value at line 1 column 1"),
        RecordedFault(
            .put, "/machine-config", "nonsense",
            "expected ident at line 1 column 2"),
        RecordedFault(
            .put, "/machine-config", "null",
            "invalid type: null, expected struct MachineConfig at line 1 column 4"),
        RecordedFault(
            .put, "/machine-config", "[]",
            "invalid length 0, expected struct MachineConfig with 6 elements at line 1 column 2"),
        RecordedFault(
            .put, "/machine-config", #""x""#,
            #"invalid type: string "x", expected struct MachineConfig at line 1 column 3"#),
        RecordedFault(
            .put, "/machine-config", "1",
            "invalid type: integer `1`, expected struct MachineConfig at line 1 column 1"),
        RecordedFault(
            .put, "/machine-config", "true",
            "invalid type: boolean `true`, expected struct MachineConfig at line 1 column 4"),
        RecordedFault(
            .put, "/machine-config", " ",
            "EOF while parsing a value at line 1 column 1"),
        RecordedFault(
            .put, "/machine-config", "{}",
            "missing field `vcpu_count` at line 1 column 2"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128} x"#,
            "trailing characters at line 1 column 40"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128,}"#,
            "trailing comma at line 1 column 39"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "vcpu_count": 2, "mem_size_mib": 128}"#,
            "duplicate field `vcpu_count` at line 1 column 30"),
        RecordedFault(
            .put, "/machine-config", "{\n \"vcpu_count\": 1,\n \"mem_size_mib\": \"x\"\n}",
            #"invalid type: string "x", expected usize at line 3 column 20"#),
        RecordedFault(
            .put, "/machine-config", "{'vcpu_count': 1}",
            "key must be a string at line 1 column 2"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 01, "mem_size_mib": 128}"#,
            "invalid number at line 1 column 17"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128"#,
            "EOF while parsing an object at line 1 column 37"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1e0, "mem_size_mib": 128}"#,
            "invalid type: floating point `1.0`, expected u8 at line 1 column 18"),
        RecordedFault(
            .put, "/machine-config", "\u{feff}{}",
            "expected value at line 1 column 1"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "x": {"y": [1]}}"#,
            "unknown field `x`, expected one of `vcpu_count`, `mem_size_mib`, `smt`, `cpu_template`, `track_dirty_pages`, `huge_pages` at line 1 column 42"
        ),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 256, "mem_size_mib": 128}"#,
            "invalid value: integer `256`, expected u8 at line 1 column 18"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": -1, "mem_size_mib": 128}"#,
            "invalid value: integer `-1`, expected u8 at line 1 column 17"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": "2", "mem_size_mib": 128}"#,
            #"invalid type: string "2", expected u8 at line 1 column 18"#),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1.5, "mem_size_mib": 128}"#,
            "invalid type: floating point `1.5`, expected u8 at line 1 column 18"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": null, "mem_size_mib": 128}"#,
            "invalid type: null, expected u8 at line 1 column 19"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": -1}"#,
            "invalid value: integer `-1`, expected usize at line 1 column 36"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": "128"}"#,
            #"invalid type: string "128", expected usize at line 1 column 39"#),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count":1,"mem_size_mib":18446744073709551616}"#,
            "invalid type: floating point `1.8446744073709552e+19`, expected usize at line 1 column 51"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128.0}"#,
            "invalid type: floating point `128.0`, expected usize at line 1 column 39"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1}"#,
            "missing field `mem_size_mib` at line 1 column 17"),
        RecordedFault(
            .put, "/machine-config", #"{"mem_size_mib": 128}"#,
            "missing field `vcpu_count` at line 1 column 21"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "smt": "yes"}"#,
            #"invalid type: string "yes", expected a boolean at line 1 column 51"#),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "smt": null}"#,
            "invalid type: null, expected a boolean at line 1 column 50"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "ht_enabled": true}"#,
            "unknown field `ht_enabled`, expected one of `vcpu_count`, `mem_size_mib`, `smt`, `cpu_template`, `track_dirty_pages`, `huge_pages` at line 1 column 51"
        ),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "track_dirty_pages": 1}"#,
            "invalid type: integer `1`, expected a boolean at line 1 column 61"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "huge_pages": "1G"}"#,
            "unknown variant `1G`, expected `None` or `2M` at line 1 column 57"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "huge_pages": null}"#,
            "expected value at line 1 column 54"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "gdb_socket_path": "/tmp/x"}"#,
            "unknown field `gdb_socket_path`, expected one of `vcpu_count`, `mem_size_mib`, `smt`, `cpu_template`, `track_dirty_pages`, `huge_pages` at line 1 column 56"
        ),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "cpu_template": "V1N1"}"#,
            "unknown variant `V1N1`, expected one of `C3`, `T2`, `T2S`, `None`, `T2CL`, `T2A` at line 1 column 61"),
        RecordedFault(
            .put, "/machine-config", #"{"vcpu_count": 1, "mem_size_mib": 128, "cpu_template": "foo"}"#,
            "unknown variant `foo`, expected one of `C3`, `T2`, `T2S`, `None`, `T2CL`, `T2A` at line 1 column 60"),
        RecordedFault(
            .patch, "/machine-config", #"{"foo": 1}"#,
            "unknown field `foo`, expected one of `vcpu_count`, `mem_size_mib`, `smt`, `cpu_template`, `track_dirty_pages`, `huge_pages` at line 1 column 6"
        ),
        RecordedFault(
            .put, "/boot-source", "{}",
            "missing field `kernel_image_path` at line 1 column 2"),
        RecordedFault(
            .put, "/boot-source", #"{"kernel_image_path": 5}"#,
            "invalid type: integer `5`, expected a string at line 1 column 23"),
        RecordedFault(
            .put, "/drives/d2", #"{"drive_id": "d2", "path_on_host": 5, "is_root_device": false}"#,
            "invalid type: integer `5`, expected a string at line 1 column 36"),
        RecordedFault(
            .put, "/network-interfaces/eth1", #"{"iface_id": "eth1"}"#,
            "missing field `host_dev_name` at line 1 column 20"),
        RecordedFault(
            .put, "/network-interfaces/eth1", #"{"host_dev_name": "fctap1"}"#,
            "missing field `iface_id` at line 1 column 27"),
        RecordedFault(
            .put, "/network-interfaces/eth2",
            #"{"iface_id": "eth2", "host_dev_name": "fctap2", "guest_mac": "06:00:00:00:00"}"#,
            "The provided MAC address is invalid. at line 1 column 78"),
        RecordedFault(
            .put, "/network-interfaces/eth2",
            #"{"iface_id": "eth2", "host_dev_name": "fctap2", "guest_mac": "06-00-00-00-00-03"}"#,
            "The provided MAC address is invalid. at line 1 column 81"),
        RecordedFault(
            .put, "/network-interfaces/eth2",
            #"{"iface_id": "eth2", "host_dev_name": "fctap2", "guest_mac": "zz:00:00:00:00:03"}"#,
            "The provided MAC address is invalid. at line 1 column 81"),
        RecordedFault(
            .put, "/network-interfaces/eth2",
            #"{"iface_id": "eth2", "host_dev_name": "fctap2", "guest_mac": "06:00:00:00:00:3"}"#,
            "The provided MAC address is invalid. at line 1 column 80"),
        RecordedFault(
            .put, "/network-interfaces/eth2", #"{"iface_id": "eth2", "host_dev_name": "fctap2", "guest_mac": 5}"#,
            "invalid type: integer `5`, expected a string at line 1 column 62"),
        RecordedFault(
            .put, "/network-interfaces/eth2", #"{"iface_id": "eth2", "host_dev_name": "fctap2", "guest_mac": ""}"#,
            "The provided MAC address is invalid. at line 1 column 64"),
        RecordedFault(
            .put, "/network-interfaces/eth2", #"{"iface_id": "eth2", "host_dev_name": "fctap2", "mtu": 65536}"#,
            "invalid value: integer `65536`, expected u16 at line 1 column 60"),
        RecordedFault(
            .put, "/network-interfaces/eth2", #"{"iface_id": "eth2", "host_dev_name": "fctap2", "mtu": "1500"}"#,
            #"invalid type: string "1500", expected u16 at line 1 column 61"#),
        RecordedFault(
            .put, "/network-interfaces/eth2",
            #"{"iface_id": "eth2", "host_dev_name": "fctap2", "allow_mmds_requests": true}"#,
            "unknown field `allow_mmds_requests`, expected one of `iface_id`, `host_dev_name`, `guest_mac`, `mtu`, `rx_rate_limiter`, `tx_rate_limiter` at line 1 column 69"
        ),
        RecordedFault(
            .put, "/vsock", #"{"guest_cid": 3}"#,
            "missing field `uds_path` at line 1 column 16"),
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": 16}"#,
            "missing field `deflate_on_oom` at line 1 column 18"),
        RecordedFault(
            .put, "/balloon", #"{"deflate_on_oom": true}"#,
            "missing field `amount_mib` at line 1 column 24"),
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": -1, "deflate_on_oom": true}"#,
            "invalid value: integer `-1`, expected u32 at line 1 column 17"),
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": 4294967296, "deflate_on_oom": true}"#,
            "invalid value: integer `4294967296`, expected u32 at line 1 column 25"),
        RecordedFault(
            .put, "/balloon", #"{"amount_mib": "16", "deflate_on_oom": true}"#,
            #"invalid type: string "16", expected u32 at line 1 column 19"#),
    ]
}
