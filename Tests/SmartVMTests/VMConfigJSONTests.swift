import Foundation
import SmartVM
import Testing

/// A configuration as JSON: read, written, and refused.
@Suite("VMConfig as JSON")
struct VMConfigJSONTests {
    private static let everything = #"""
        {"id": "vm1", "image": "minimal", "hostname": "web.example",
         "bootSource": {"kernelImagePath": "/k", "initrdPath": "/i", "bootArgs": "quiet"},
         "machineConfig": {"vcpuCount": 2, "memSizeMib": 512, "smt": true, "trackDirtyPages": true, "hugePages": "2M",
                           "cpuTemplate": "T2S"},
         "cpuConfig": {"kvmCapabilities": ["!121"],
                       "cpuidModifiers": [{"leaf": "0x1", "subleaf": "0b0", "flags": 1,
                                           "modifiers": [{"register": "eax", "bitmap": "0bx1"}]}],
                       "msrModifiers": [{"addr": "0x10", "bitmap": "0b1"}]},
         "enablePCI": true,
         "drives": [{"driveId": "a", "pathOnHost": "/a", "isRootDevice": true, "isReadOnly": true, "partuuid": "u",
                     "cacheType": "Writeback", "ioEngine": "Async",
                     "rateLimiter": {"bandwidth": {"size": 1, "refillTime": 2, "oneTimeBurst": 3},
                                     "ops": {"size": 4, "refillTime": 5}}},
                    {"driveId": "b", "isRootDevice": false, "socket": "/s"}],
         "pmem": [{"id": "p", "pathOnHost": "/p", "rootDevice": true, "readOnly": true,
                   "rateLimiter": {"ops": {"size": 1, "refillTime": 1}}}],
         "networkInterfaces": [{"ifaceId": "eth0", "hostDevName": "tap0", "guestMac": "02:00:00:00:00:01", "mtu": 1400,
                                "rxRateLimiter": {"ops": {"size": 1, "refillTime": 1}},
                                "txRateLimiter": {"ops": {"size": 2, "refillTime": 2}}}],
         "vsock": {"guestCid": 5, "udsPath": "/v"},
         "balloon": {"amountMib": 1, "deflateOnOom": true, "statsPollingIntervalS": 2, "freePageHinting": true,
                     "freePageReporting": true},
         "memoryHotplug": {"totalSizeMib": 1024, "blockSizeMib": 4, "slotSizeMib": 256},
         "entropy": {"rateLimiter": {"bandwidth": {"size": 1, "refillTime": 1}}},
         "mmds": {"version": "V2", "networkInterfaces": ["eth0"], "ipv4Address": "169.254.1.1", "imdsCompat": true},
         "serial": {"serialOutPath": "/o", "rateLimiter": {"size": 1, "refillTime": 1}},
         "metrics": {"metricsPath": "/m"},
         "logger": {"logPath": "/l", "level": "Warn", "showLevel": true, "showLogOrigin": false, "module": "api"}}
        """#

    @Test("every key is read and written under its name")
    func roundTrip() throws {
        let config = try VMConfig(json: Array(Self.everything.utf8))
        let written = try JSONEncoder().encode(config)
        #expect(try JSONValue(decoding: Array(written)) == JSONValue(decoding: Array(Self.everything.utf8)))
        #expect(try JSONDecoder().decode(VMConfig.self, from: written) == config)
        #expect(config.networkInterfaces[0].txRateLimiter?.ops?.refillTime == 2)
        #expect(config.machineConfig.hugePages == .hugetlbfs2M && config.logger?.level == .warn)
    }

    @Test("defaults are not written, and null is the same as a missing key")
    func defaults() throws {
        let text =
            #"{"bootSource": {"kernelImagePath": "/k"}, "machineConfig": {"memSizeMib": 128, "smt": null}, "vsock": null}"#
        let config = try VMConfig(json: Array(text.utf8))
        #expect(config == VMConfig(bootSource: .init(kernelImagePath: "/k"), machineConfig: .init(memSizeMib: 128)))
        let written = try JSONValue(decoding: Array(JSONEncoder().encode(config)))
        #expect(
            written == [
                "bootSource": ["kernelImagePath": "/k"], "machineConfig": ["vcpuCount": 1, "memSizeMib": 128],
            ])
        #expect(try VMConfig(json: Array("{}".utf8)) == VMConfig())
    }

    @Test(
        "what cannot be read is named by its path",
        arguments: [
            (#"[]"#, ["the configuration must be an object"]),
            (#"{"machineConfig": {"vcpuCount": "2"}}"#, ["machineConfig.vcpuCount must be a number"]),
            (#"{"machineConfig": {"vcpuCount": 1.5}}"#, ["machineConfig.vcpuCount must be a whole number"]),
            (
                #"{"machineConfig": {"memSizeMib": 18446744073709551615}}"#,
                ["machineConfig.memSizeMib must be <= 9223372036854775807"]
            ),
            (#"{"machineConfig": {"smt": 1}}"#, ["machineConfig.smt must be true or false"]),
            (#"{"machineConfig": {"hugePages": "1G"}}"#, ["machineConfig.hugePages must be 'None' or '2M'"]),
            (#"{"machineConfig": 1, "id": 1}"#, ["id must be a string", "machineConfig must be an object"]),
            (#"{"drives": {}}"#, ["drives must be an array"]),
            (#"{"drives": [{"driveId": 1}]}"#, ["drives[0].driveId must be a string"]),
            (#"{"drives": [{"cacheType": "safe"}]}"#, ["drives[0].cacheType must be 'Unsafe' or 'Writeback'"]),
            (
                #"{"logger": {"level": "Loud"}}"#,
                ["logger.level must be 'Off', 'Trace', 'Debug', 'Info', 'Warn' or 'Error'"]
            ),
            (#"{"mmds": {"version": "V3"}}"#, ["mmds.version must be 'V1' or 'V2'"]),
            (#"{"machineConfig": {"vcpus": 2}}"#, ["machineConfig.vcpus is not a known key; did you mean vcpuCount?"]),
            (
                #"{"machineConfig": {"mem_size_mib": 2}}"#,
                ["machineConfig.mem_size_mib is not a known key; did you mean memSizeMib?"]
            ),
            (#"{"boot-source": {}}"#, ["boot-source is not a known key; did you mean bootSource?"]),
            (
                #"{"vsock": {"gustCid": 3, "wholly": 1}}"#,
                [
                    "vsock.gustCid is not a known key; did you mean guestCid?",
                    "vsock.wholly is not a known key; the known ones are guestCid, udsPath",
                ]
            ),
            (
                #"{"cpuConfig": {"cpuidModifiers": [{"flags": -1}]}}"#,
                ["cpuConfig.cpuidModifiers[0].flags must be between 0 and 4294967295"]
            ),
        ])
    func unreadable(text: String, errors: [String]) throws {
        let validation = try VMConfig.validate(json: Array(text.utf8))
        #expect(validation.errors.filter(errors.contains) == errors, "\(validation.errors)")
        // The default that takes the place of what cannot be read is not judged.
        let others = Set(validation.errors).subtracting(errors)
        #expect(
            others.isSubset(of: [
                "bootSource.kernelImagePath is required", "drives[0].driveId is required",
                "drives[0].pathOnHost is required", "vsock.udsPath is required",
                "mmds.networkInterfaces must not be empty",
                "cpuConfig.cpuidModifiers[0].leaf must be a number of 32 bits with the prefix 0x or 0b, in a string",
                "cpuConfig.cpuidModifiers[0].subleaf must be a number of 32 bits with the prefix 0x or 0b, in a string",
            ]))
        for error in errors { #expect(validation.errors.filter { $0 == error }.count == 1) }
        #expect {
            _ = try VMConfig(json: Array(text.utf8))
        } throws: { error in
            guard let error = error as? SmartVMError else { return false }
            return error.code == .invalidConfiguration && errors.allSatisfy(error.message.contains)
        }
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(VMConfig.self, from: Data(text.utf8)) }
    }

    @Test("what is wrong with keys, types and values is told together, each place once")
    func together() throws {
        let text = #"{"machineConfig": {"vcpuCount": "0", "memSizeMib": 0}, "vsok": {}, "drives": [{"driveId": 5}]}"#
        let validation = try VMConfig.validate(json: Array(text.utf8))
        #expect(
            Set(validation.errors) == [
                "machineConfig.vcpuCount must be a number", "machineConfig.memSizeMib must be >= 1",
                "vsok is not a known key; did you mean vsock?", "drives[0].driveId must be a string",
                "drives[0].pathOnHost is required", "bootSource.kernelImagePath is required",
            ])
    }

    @Test("an element that cannot be read does not give its number to the next, and nothing of a text moves a terminal")
    func elements() throws {
        let text = #"{"image":"minimal","drives":[1,{"driveId":"a b","pathOnHost":"/x"}],"id":"a\u001b[31m\nb"}"#
        let errors = try VMConfig.validate(json: Array(text.utf8)).errors
        #expect(errors.contains { $0.hasPrefix("drives[0] ") })
        #expect(!errors.contains { $0.hasPrefix("drives[0].") })
        #expect(errors.allSatisfy { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
    }

    @Test("text that is no JSON: line and column")
    func noJSON() {
        for (text, place) in [
            ("{\n \"id\": }", "line 2 column 8"), ("", "line 1 column 0"), ("{\"id\": \"a\"} x", "line 1 column 13"),
            (
                #"{"id": "a", "machineConfig": {"vcpuCount": 1, "vcpuCount": 2}}"#,
                "duplicate field `vcpuCount` at line 1"
            ),
        ] {
            #expect {
                _ = try VMConfig.validate(json: Array(text.utf8))
            } throws: { error in
                guard let error = error as? SmartVMError else { return false }
                return error.code == .invalidConfiguration && error.message.contains(place)
            }
        }
    }

    @Test("random text is refused or read, never more")
    func random() {
        var generator = SeededGenerator(seed: 7)
        let source = Array(Self.everything.utf8)
        for _ in 0..<300 {
            var text = source
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                text[index] = source[Int.random(in: 0..<source.count, using: &generator)]
            }
            guard let validation = try? VMConfig.validate(json: text) else { continue }
            guard let config = try? VMConfig(json: text) else {
                #expect(!validation.valid)
                continue
            }
            #expect(config.validate() == validation)
        }
    }

    // MARK: Completeness

    /// The names of the keys of every object in `json`, under the object's path, without indices.
    private func keys(of json: JSONValue, at path: String = "") -> [(path: String, name: String)] {
        switch json {
        case .object(let object):
            object.members.flatMap { member in
                [(path, member.name)]
                    + keys(of: member.value, at: path.isEmpty ? member.name : "\(path).\(member.name)")
            }
        case .array(let elements): elements.flatMap { keys(of: $0, at: "\(path)[]") }
        default: []
        }
    }

    /// Puts a key that nobody knows into every object.
    private func spoiled(_ json: JSONValue) -> JSONValue {
        switch json {
        case .object(let object):
            var result = JSONObject()
            for member in object.members { result[member.name] = spoiled(member.value) }
            result["qqqqqq"] = true
            return .object(result)
        case .array(let elements): return .array(elements.map(spoiled))
        default: return json
        }
    }

    @Test("these tests, and docs/configuration.md, know every key that there is")
    func completeness() throws {
        let everything = try JSONValue(decoding: Array(Self.everything.utf8))
        let tested = Set(keys(of: everything).map { $0.path.isEmpty ? $0.name : "\($0.path).\($0.name)" })
        // The sentence for an unknown key lists the known ones.
        let errors = try VMConfig.validate(json: spoiled(everything).encoded).errors.filter { $0.contains("qqqqqq") }
        var known = Set<String>()
        for error in errors {
            let path = error.prefix { $0 != " " }.replacing(/\[[0-9]+\]/, with: "[]").dropLast("qqqqqq".count)
            let names = try #require(error.split(separator: "known ones are ").last).split(separator: ", ")
            for name in names { known.insert("\(path)\(name)") }
        }
        // A bucket's keys are the same wherever one stands.
        let isBucket = /(ops|bandwidth|serial\.rateLimiter)\.[a-zA-Z]+$|[rR]ateLimiter\.(ops|bandwidth)$/
        known = known.filter { $0.firstMatch(of: isBucket) == nil }
        #expect(known == tested.filter { $0.firstMatch(of: isBucket) == nil })

        let page = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let text = try String(contentsOfFile: "\(page)/docs/configuration.md", encoding: .utf8)
        for key in known {
            #expect(text.contains("| `\(key)` |"), "docs/configuration.md has no row for \(key)")
        }
    }
}
