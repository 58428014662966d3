import FirecrackerAPI
import Testing

@Suite("Models as JSON")
struct SchemaTests {
    private func decoded<Model: WireModel>(_ text: String, lenient: Bool = false) throws -> Model {
        try Model(decoding: Array(text.utf8), skipsUnknownFields: lenient)
    }

    private func text(_ model: some WireModel, showsNulls: Bool) -> String {
        String(decoding: model.json(showsNulls: showsNulls), as: UTF8.self)
    }

    @Test("An array stands for an object, its elements in the order of the fields")
    func arrays() throws {
        #expect(try decoded("[1,128]") == MachineConfig(vcpuCount: 1, memSizeMib: 128))
        #expect(try decoded("[1, 128, true, null]") == MachineConfig(vcpuCount: 1, memSizeMib: 128, smt: true))
        #expect(try decoded(#"["/k", null, null]"#) == BootSource(kernelImagePath: "/k"))
        #expect(throws: JSONFault.self) { try decoded("[1, 128, true, null, false, \"None\", 1]") as MachineConfig }
    }

    @Test("What is left out has its default, and null is not the same where the field is no option")
    func defaults() throws {
        #expect(
            try decoded(#"{"vcpu_count":1,"mem_size_mib":1,"cpu_template":null}"#) as MachineConfig
                == MachineConfig(vcpuCount: 1, memSizeMib: 1))
        #expect(throws: JSONFault.self) {
            try decoded(#"{"vcpu_count":1,"mem_size_mib":1,"smt":null}"#) as MachineConfig
        }
        #expect(try decoded(#"{"total_size_mib":1024}"#) == MemoryHotplugConfig(totalSizeMib: 1024))
    }

    @Test("Some structures pass over what they do not know, others do not, and a client always does")
    func unknownFields() throws {
        #expect(
            try decoded(#"{"size":1,"x":[{}],"refill_time":2}"#) as TokenBucket == TokenBucket(size: 1, refillTime: 2))
        #expect(throws: JSONFault.self) { try decoded(#"{"amount_mib":1,"x":2}"#) as BalloonUpdate }
        #expect(try decoded(#"{"amount_mib":1,"x":2}"#, lenient: true) == BalloonUpdate(amountMib: 1))
        #expect(
            try decoded(#"{"drives":[],"serial":{},"boot-source":{"kernel_image_path":"k"}}"#)
                == VMConfigFile(bootSource: BootSource(kernelImagePath: "k"), drives: []))
    }

    @Test("Requests leave out what is nil, answers show it")
    func nulls() {
        let drive = Drive(driveId: "d", isRootDevice: false, pathOnHost: "/d")
        #expect(
            text(drive, showsNulls: false)
                == #"{"drive_id":"d","is_root_device":false,"cache_type":"Unsafe","path_on_host":"/d"}"#)
        #expect(
            text(drive, showsNulls: true)
                == #"{"drive_id":"d","partuuid":null,"is_root_device":false,"cache_type":"Unsafe","is_read_only":null,"#
                + #""path_on_host":"/d","rate_limiter":null,"io_engine":null,"socket":null}"#)
    }

    @Test("Answers have the members and the order that clients know")
    func answers() {
        #expect(
            text(MachineConfig(vcpuCount: 1, memSizeMib: 128), showsNulls: true)
                == #"{"vcpu_count":1,"mem_size_mib":128,"smt":false,"track_dirty_pages":false,"huge_pages":"None"}"#)
        var statistics = BalloonStatistics(targetPages: 1, actualPages: 2, targetMib: 3, actualMib: 4)
        statistics.setReported("free_memory", to: 5)
        statistics.setReported("no_such_name", to: 6)
        #expect(
            text(statistics, showsNulls: true)
                == #"{"target_pages":1,"actual_pages":2,"target_mib":3,"actual_mib":4,"free_memory":5}"#)
        #expect(
            text(VMConfiguration(), showsNulls: true)
                == #"{"balloon":null,"drives":[],"boot-source":{"kernel_image_path":"","initrd_path":null,"#
                + #""boot_args":null},"cpu-config":null,"logger":null,"machine-config":{"vcpu_count":1,"mem_size_mib":128,"#
                + #""smt":false,"track_dirty_pages":false,"huge_pages":"None"},"metrics":null,"mmds-config":null,"#
                + #""network-interfaces":[],"vsock":null,"entropy":null,"pmem":[],"memory-hotplug":null}"#)
    }

    @Test(
        "A CPU configuration is checked down to its digits",
        arguments: [
            (
                #"{"kvm_capabilities":["x"]}"#,
                "Failed to parse string [x] as a kvm capability - can not convert to numeric: invalid digit found in string"
            ),
            (
                #"{"kvm_capabilities":["!"]}"#,
                "Failed to parse string [!] as a kvm capability - can not convert to numeric: "
                    + "cannot parse integer from empty string"
            ),
            (
                #"{"kvm_capabilities":["4294967296"]}"#,
                "Failed to parse string [4294967296] as a kvm capability - can not convert to numeric: "
                    + "number too large to fit in target type"
            ),
            (
                #"{"msr_modifiers":[{"addr":"0xzz","bitmap":"0b"}]}"#,
                "Failed to parse string [0xzz] as a number for CPU template - ParseIntError { kind: InvalidDigit }"
            ),
            (
                #"{"msr_modifiers":[{"addr":"0x0","bitmap":"0b2"}]}"#,
                "Failed to parse string [0b2] as a bitmap - unknown character: 50"
            ),
        ])
    func cpuConfig(body: String, fault: String) {
        do {
            _ = try decoded(body) as CPUConfig
            Issue.record("\(body) was taken")
        } catch let error as JSONFault {
            #expect(error.message == fault)
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test("A CPU configuration in a configuration file may be a path")
    func cpuConfigSource() throws {
        let start = #"{"drives":[],"boot-source":{"kernel_image_path":"k"},"cpu-config":"#
        #expect(try (decoded(start + #""/c.json"}"#) as VMConfigFile).cpuConfig == .path("/c.json"))
        #expect(try (decoded(start + "{}}") as VMConfigFile).cpuConfig == .config(CPUConfig()))
        #expect(throws: JSONFault.self) { try decoded(start + "5}") as VMConfigFile }
    }
}
