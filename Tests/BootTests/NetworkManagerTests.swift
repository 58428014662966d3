import Glibc
import Linux
import Testing

@testable import SmartVM

/// The network on a real kernel: bridges, TAPs, rules, in namespaces of the tests' own.
@Suite("NetworkManager on a host", .serialized, .timeLimit(.minutes(10)))
struct NetworkManagerTests {
    @Test("a network is made with its first TAP and removed with its last")
    func lifecycle() async throws {
        guard try await NetworkTestProcess.enter("NetworkManagerTests/lifecycle") else { return }
        try await withDirectory { directory in
            let manager = try NetworkManager(subnet: "172.30.0.0/24", dataDirectory: directory)
            #expect(try !NetworkHost.forwards())
            let first = try await manager.createTap(vmId: "web", ifaceId: "eth0")
            #expect(first.guestIp == "172.30.0.2" && first.gatewayIp == "172.30.0.1")
            #expect(first.subnetMask == "255.255.255.0" && first.mac == manager.generateMac("web", "eth0"))
            #expect(first.tapName == manager.generateTapName("web", "eth0"))
            let bridge = try await NetworkHost.ip("-d", "addr", "show", "svbr0")
            #expect(bridge.contains("inet 172.30.0.1/24") && bridge.contains("alias smartvm directory \(directory)"))
            #expect(!bridge.contains("inet6"))
            let tap = try await NetworkHost.ip("-d", "addr", "show", first.tapName)
            #expect(tap.contains("master svbr0") && tap.contains("tun type tap") && tap.contains("vnet_hdr on"))
            #expect(tap.contains("alias smartvm directory") && tap.contains("persist on") && !tap.contains("inet6"))
            #expect(try NetworkHost.forwards())
            #expect(try await NetworkHost.rules().contains("\"\(first.tapName)\" . \(first.mac) . 172.30.0.2"))

            // The same names get the same again; others get others.
            #expect(try await manager.createTap(vmId: "web", ifaceId: "eth0") == first)
            let other = try NetworkManager(subnet: "172.30.0.0/24", dataDirectory: directory)
            let second = try await other.createTap(vmId: "db", ifaceId: "eth0", mac: "06:00:AC:10:00:02")
            #expect(second.guestIp == "172.30.0.3" && second.mac == "06:00:ac:10:00:02")
            #expect(try await NetworkHost.rules().contains("\"\(second.tapName)\" . \(second.mac) . 172.30.0.3"))
            // A VMM can open it.
            _ = try Linux.TapDevice.open(second.tapName)

            try await manager.removeTap(first.tapName)
            try await manager.removeTap(first.tapName)
            #expect(try NetworkHost.interfaces() == [second.tapName, "svbr0"].sorted())
            #expect(try await !NetworkHost.rules().contains(first.tapName))
            // An address rests before it is given out again.
            #expect(try await manager.createTap(vmId: "web", ifaceId: "eth0").guestIp == "172.30.0.4")
            try await manager.cleanup()
            try await other.cleanup()
            #expect(try await NetworkHost.traces(manager) == [])
        }
    }

    @Test("what cannot be done is said before anything is touched")
    func refusals() async throws {
        guard try await NetworkTestProcess.enter("NetworkManagerTests/refusals") else { return }
        try await withDirectory { directory in
            func code(_ options: NetworkManagerOptions, mac: String? = nil, vm: String = "x") async throws -> String? {
                let manager = try NetworkManager(options)
                let error = await #expect(throws: SmartVMError.self) {
                    try await manager.createTap(vmId: vm, ifaceId: "eth0", mac: mac)
                }
                return error?.code.rawValue
            }
            var options = NetworkManagerOptions(dataDirectory: directory)

            _ = try await NetworkHost.ip("link", "add", "other0", "type", "veth", "peer", "name", "other1")
            _ = try await NetworkHost.ip("addr", "add", "10.9.1.1/24", "dev", "other0")
            _ = try await NetworkHost.ip("link", "set", "other0", "up")
            for subnet in ["10.9.1.0/24", "10.9.1.128/25", "10.0.0.0/8", "10.9.1.0/30"] {
                options.subnet = subnet
                #expect(try await code(options) == "SUBNET_IN_USE", "\(subnet)")
            }
            options.subnet = "10.9.2.0/24"
            options.bridgeName = "other0"
            #expect(try await code(options) == "BRIDGE_IN_USE")
            _ = try await NetworkHost.ip("link", "add", "svbr0", "type", "bridge")
            options.bridgeName = "svbr0"
            #expect(try await code(options) == "BRIDGE_IN_USE")
            _ = try await NetworkHost.ip("link", "del", "svbr0")
            for mac in [
                "", "02:00", "01:00:00:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00:0g", "02-00-00-00-00-01",
            ] {
                #expect(try await code(options, mac: mac) == "INVALID_MAC_ADDRESS", "\(mac)")
            }
            #expect(try NetworkHost.interfaces() == [])
            #expect(try await NetworkHost.rules() == "")
            #expect(try !NetworkHost.forwards())

            options.subnet = "10.9.2.0/30"
            let manager = try NetworkManager(options)
            let tap = try await manager.createTap(vmId: "one", ifaceId: "eth0")
            #expect(try await code(options, mac: tap.mac.uppercased()) == "MAC_ADDRESS_IN_USE")
            #expect(try await code(options) == "IP_EXHAUSTED")
            options.subnet = "10.9.3.0/24"
            #expect(try await code(options) == "BRIDGE_IN_USE")
            #expect(try NetworkHost.interfaces() == [tap.tapName, "svbr0"].sorted())

            // Somebody has taken the name of the next TAP.
            try await manager.removeTap(tap.tapName)
            _ = try await NetworkHost.ip("tuntap", "add", manager.generateTapName("one", "eth0"), "mode", "tap")
            let again = try await manager.createTap(vmId: "one", ifaceId: "eth0")
            #expect(again.tapName != tap.tapName)
            try await manager.cleanup()
            #expect(try NetworkHost.interfaces() == [tap.tapName])
        }
    }

    @Test("what somebody deletes by hand is made again")
    func healing() async throws {
        guard try await NetworkTestProcess.enter("NetworkManagerTests/healing") else { return }
        try await withDirectory { directory in
            let manager = try NetworkManager(dataDirectory: directory)
            let first = try await manager.createTap(vmId: "a", ifaceId: "eth0")
            _ = try await Tool(name: "nft", purpose: "", package: "nftables").run(["flush", "ruleset"])
            let second = try await manager.createTap(vmId: "b", ifaceId: "eth0")
            let rules = try await NetworkHost.rules()
            #expect(rules.contains(first.tapName) && rules.contains(second.tapName) && rules.contains("masquerade"))
            _ = try await Tool(name: "nft", purpose: "", package: "nftables").run(["flush", "ruleset"])
            #expect(try await manager.reconcile().restoredRules == ["svbr0"])
            #expect(try await NetworkHost.rules().contains(first.tapName))

            _ = try await NetworkHost.ip("link", "del", "svbr0")
            let third = try await manager.createTap(vmId: "c", ifaceId: "eth0")
            let ports = try await NetworkHost.ip("link", "show", "master", "svbr0")
            for tap in [first, second, third] { #expect(ports.contains(tap.tapName)) }
            _ = try await NetworkHost.ip("link", "del", first.tapName)
            #expect(try await manager.createTap(vmId: "a", ifaceId: "eth0") == first)
            try await manager.cleanup()
            #expect(try await NetworkHost.traces(manager) == [])
        }
    }

    @Test(
        "guests of a bridge that is made anew join it when its rules are there, and rules that are missing are made anew"
    )
    func lostRules() async throws {
        guard try await NetworkTestProcess.enter("NetworkManagerTests/lostRules") else { return }
        try await withDirectory { directory in
            let store = Store(path: "\(directory)/smartvm.db")
            let networks = GuestNetworks(NetworkManagerOptions(), store: store, dataDirectory: directory)
            let demand = { (vm: String) in
                GuestNetworks.Demand(
                    vm: vm, name: vm, interfaces: [.init(network: "default", id: "eth0")], egress: EgressPolicy(.deny))
            }
            let first = try await networks.attach(demand("a")).interfaces[0].tap
            let ports = { try await NetworkHost.ip("link", "show", "master", "svbr0") }
            #expect(try await ports().contains(first.tapName))

            _ = try await NetworkHost.ip("link", "del", "svbr0")
            // An nft that fails.
            let path = try #require(EnvironmentVariable.value("PATH"))
            try FileTree.makeDirectory("\(directory)/bin", mode: 0o700)
            try File.write(Array("#!/bin/sh\nexit 1\n".utf8), to: "\(directory)/bin/nft")
            chmod("\(directory)/bin/nft", 0o700)
            setenv("PATH", "\(directory)/bin:\(path)", 1)
            await #expect(throws: SmartVMError.self) { try await networks.attach(demand("b")) }
            #expect(try await ports() == "", "without rules nobody is carried")
            setenv("PATH", path, 1)

            let second = try await networks.attach(demand("b")).interfaces[0].tap
            let joined = try await ports()
            #expect(joined.contains(first.tapName) && joined.contains(second.tapName))

            #expect(try await networks.reconcile().isEmpty)
            _ = try await Tool(name: "nft", purpose: "", package: "nftables").run(["flush", "ruleset"])
            #expect(
                try await networks.reconcile().sentences
                    == ["the firewall rules of the network default were missing; made anew"])
            let rules = try await NetworkHost.rules()
            for tap in [first, second] {
                #expect(rules.contains(tap.tapName) && rules.contains("chain vm-\(tap.guestIp)"))
            }
            // A TAP that is no port though the rules are there: a command was killed between the two.
            _ = try await NetworkHost.ip("link", "set", first.tapName, "nomaster")
            #expect(try await networks.reconcile().isEmpty)
            #expect(try await ports().contains(first.tapName))
            // Another network's start notices too.
            _ = try networks.create(NetworkConfig(name: "other"))
            _ = try await Tool(name: "nft", purpose: "", package: "nftables").run(["flush", "ruleset"])
            var third = demand("c")
            third.interfaces[0].network = "other"
            _ = try await networks.attach(third)
            #expect(try await NetworkHost.rules().contains(first.tapName))
            for vm in ["a", "b", "c"] { try networks.giveBack(vm) }
            #expect(try NetworkHost.interfaces() == [])
            #expect(try await NetworkHost.rules() == "")
        }
    }

    @Test("two processes that make 50 VMs' networks each at once share no address, MAC address or TAP")
    func processes() async throws {
        let test = "NetworkManagerTests/processes"
        if let role = NetworkTestProcess.role {
            let fields = role.split(separator: " ").map(String.init)
            let manager = try NetworkManager(dataDirectory: fields[0])
            let lines = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let tap = try await manager.createTap(vmId: "\(fields[1])-\(number)", ifaceId: "eth0")
                        return "\(tap.tapName) \(tap.guestIp) \(tap.mac)\n"
                    }
                }
                return try await group.reduce(into: "") { $0 += $1 }
            }
            try File.replace("\(fields[0])/\(fields[1]).taps", with: Array(lines.utf8))
            // Until the other one has all of its own.
            #expect(try await eventually(seconds: 60) { File.exists("\(fields[0])/counted") })
            try await manager.cleanup()
            return
        }
        guard try await NetworkTestProcess.enter(test) else { return }
        try await withDirectory { directory in
            let children = try ["a", "b"].map {
                try NetworkTestProcess.start(test, role: "\(directory) \($0)", output: "\(directory)/\($0).log")
            }
            let files = ["a", "b"].map { "\(directory)/\($0).taps" }
            #expect(try await eventually(seconds: 60) { files.allSatisfy { File.exists($0) } })
            let rows = try files.flatMap { try File.readText($0).split(separator: "\n") }
                .map { $0.split(separator: " ") }
            #expect(rows.count == 100)
            for column in 0..<3 { #expect(Set(rows.map { $0[column] }).count == 100) }
            #expect(try NetworkHost.interfaces().count == 101)
            let rules = try await NetworkHost.rules()
            for row in rows { #expect(rules.contains("\"\(row[0])\" . \(row[2]) . \(row[1])")) }
            try File.write([], to: "\(directory)/counted")
            for (child, name) in zip(children, ["a", "b"]) {
                #expect(await NetworkTestProcess.wait(for: child, seconds: 60))
                let log = try File.readText("\(directory)/\(name).log")
                #expect(try child.waitUntilExit() == .exited(0), "\(log.suffix(3000))")
            }
            let traces = try await NetworkHost.traces(try NetworkManager(dataDirectory: directory))
            #expect(traces == [])
        }
    }

    @Test("a process that is killed between any two steps leaves nothing that the next does not take back")
    func kills() async throws {
        let test = "NetworkManagerTests/kills"
        if let role = NetworkTestProcess.role {
            let fields = role.split(separator: " ").map(String.init)
            let manager = try NetworkManager(NetworkManagerOptions(dataDirectory: fields[0])) { step in
                if step.rawValue == fields[1] { kill(getpid(), SIGKILL) }
            }
            let tap = try await manager.createTap(vmId: "victim", ifaceId: "eth0")
            try await manager.removeTap(tap.tapName)
            return
        }
        guard try await NetworkTestProcess.enter(test) else { return }
        try await withDirectory { directory in
            for step in NetworkStep.allCases {
                let log = "\(directory)/log"
                let child = try NetworkTestProcess.start(test, role: "\(directory) \(step.rawValue)", output: log)
                #expect(await NetworkTestProcess.wait(for: child, seconds: 30))
                let ending = try child.waitUntilExit()
                let output = try File.readText(log).suffix(2000)
                try #require(ending == .signaled(SIGKILL), "\(step): \(ending) \(output)")
                // Sometimes the next one only looks, and sometimes it makes the very same.
                let manager = try NetworkManager(dataDirectory: directory)
                if step.rawValue.utf8.count.isMultiple(of: 2) {
                    let tap = try await manager.createTap(vmId: "victim", ifaceId: "eth0")
                    #expect(try NetworkHost.interfaces() == [tap.tapName, "svbr0"].sorted(), "\(step)")
                    try await manager.cleanup()
                } else {
                    _ = try await manager.reconcile()
                }
                #expect(try await NetworkHost.traces(manager) == [], "\(step)")
            }
        }
    }

    @Test("interfaces are taken back without the database, too")
    func lostDatabase() async throws {
        guard try await NetworkTestProcess.enter("NetworkManagerTests/lostDatabase") else { return }
        try await withDirectory { directory in
            let manager = try NetworkManager(dataDirectory: directory)
            let tap = try await manager.createTap(vmId: "a", ifaceId: "eth0")
            for name in try FileTree.names(at: directory) where name.hasPrefix("smartvm.db") {
                unlink("\(directory)/\(name)")
            }
            let next = try NetworkManager(dataDirectory: directory)
            let report = try await next.reconcile()
            #expect(report.removedTaps == [tap.tapName] && report.removedBridges == ["svbr0"])
            #expect(try NetworkHost.interfaces() == [])
            #expect(try await NetworkHost.rules() == "")
        }
    }

    @Test("a creation that is cancelled leaves nothing")
    func cancellation() async throws {
        guard try await NetworkTestProcess.enter("NetworkManagerTests/cancellation") else { return }
        try await withDirectory { directory in
            let manager = try NetworkManager(dataDirectory: directory)
            for round in 0..<30 {
                let tasks = (0..<3).map { number in
                    Task { try await manager.createTap(vmId: "\(round)-\(number)", ifaceId: "eth0") }
                }
                try await Task.sleep(for: .microseconds(Int.random(in: 0...15_000)))
                for task in tasks { task.cancel() }
                for task in tasks { _ = await task.result }
                try await manager.cleanup()
                #expect(try await NetworkHost.traces(manager) == [])
            }
        }
    }
}
