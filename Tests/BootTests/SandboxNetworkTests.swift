import Glibc
import Linux
import Testing

@testable import SmartVM

/// Networks of VMs that stay, with real guests and real packets.
@Suite("VMs that stay, in networks", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct SandboxNetworkTests {
    /// The command line, in a mount namespace of its own in which the host asks the uplink for names.
    private func smartvm(_ arguments: String...) async throws -> SmartVMProgram.Result {
        try await Self.run(arguments)
    }

    private static let resolverPath = "/tmp/smartvm-\(uniqueName("resolv"))"

    private static func run(_ arguments: [String]) async throws -> SmartVMProgram.Result {
        try File.write(Array("nameserver 198.51.100.1\n".utf8), to: resolverPath)
        return try await SmartVMProgram.run(
            ["--mount", "--", "sh", "-c", "mount --bind $0 /etc/resolv.conf && exec \"$@\"", resolverPath]
                + [SmartVMProgram.path] + arguments, program: "/usr/bin/unshare")
    }

    private func shell(_ vm: String, _ text: String) async throws -> String {
        let result = try await smartvm("exec", vm, "--", "sh", "-c", text)
        return result.standardOutput + result.standardError
    }

    private func ping(_ vm: String, _ address: String) async throws -> Bool {
        try await shell(vm, "ping -c 1 -W 1 \(address)").contains(" 0% packet loss")
    }

    private func fetch(_ vm: String, _ address: String, port: Int = 80) async throws -> String {
        try await shell(vm, "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 \(address) \(port) 2>&1")
    }

    private func info(_ vm: String) async throws -> SandboxInfo {
        try await SmartVM().sandboxes.get(vm).info
    }

    /// What a bash of the host gets from one of its own ports.
    private func read(_ text: String) async throws -> String {
        try await Tool(name: "bash", purpose: "connect", package: "bash").run(["-c", "exec 3<>\(text)"])
    }

    @Test("they reach whom they are to reach, by name too, and nobody else; also after a restart; and nothing is left")
    func packets() async throws {
        let test = "SandboxNetworkTests/packets"
        if let role = NetworkTestProcess.role, role.hasPrefix(NetworkUplink.role) {
            return try await NetworkUplink.serve(String(role.dropFirst(NetworkUplink.role.count + 1)))
        }
        guard try await NetworkTestProcess.enter(test) else { return }
        let network = uniqueName("back")
        let (web, bound, other) = (uniqueName("web"), uniqueName("bound"), uniqueName("other"))
        try await withDirectory { directory in
            let uplink = try await NetworkUplink(test, directory: directory)
            do {
                let made = try await smartvm("network", "create", network)
                #expect(made.status == 0, "\(made.standardError)")
                for arguments in [
                    [web, "--publish", "127.0.0.1::80", "-p", ":7/udp"],
                    [
                        bound, "--restart", "always", "--egress", "deny", "--egress-rule", "allow:*.example:80/tcp",
                        "--egress-rule", "allow:198.51.100.8/29:80/tcp",
                    ],
                    [other, "--network", network],
                ] {
                    let started = try await Self.run(["run", "-d", "--memory", "128", "--name"] + arguments)
                    #expect(
                        started.status == 0 && !started.standardError.contains("warning"), "\(started.standardError)")
                }
                try await checkReach(web, bound, other, network)
                try await checkPorts(web, directory)
                try await checkEgress(bound)
                try await checkLives(bound, other, network)
            } catch {
                Issue.record(error)
            }
            for vm in [web, bound, other] { _ = try await smartvm("rm", "-f", vm) }
            let removed = try await smartvm("network", "rm", network)
            #expect(removed.status == 0, "\(removed.standardError)")
            uplink.end()
            unlink(Self.resolverPath)
            #expect(try NetworkHost.interfaces() == [])
            #expect(try await NetworkHost.rules() == "")
        }
    }

    private func checkReach(_ web: String, _ bound: String, _ other: String, _ network: String) async throws {
        let place = try #require(try await info(other).networks.first)
        #expect(place.name == network)
        let inspected = try await smartvm("network", "inspect", network)
        #expect(inspected.standardOutput.contains("\"address\" : \"\(place.address)\""), "\(inspected.standardOutput)")
        #expect(try await ping(web, "172.30.0.1"))
        #expect(try await ping(web, bound))
        #expect(try await ping(bound, web))
        // The other network's guests are nobody here, under their address or their name.
        #expect(try await !ping(web, place.address))
        #expect(try await !shell(web, "nslookup \(other)").contains(place.address))
        // The world, under names that it gives.
        #expect(try await fetch(web, "web.example").contains("peer 198.51.100.2"))
        // What is always closed: credentials of the cloud, and the host's own services.
        let listener = try NetworkUplink.listen(SOCK_STREAM, port: 8080)
        defer { close(listener) }
        for (address, port) in [("169.254.169.254", 80), ("172.30.0.1", 8080), ("198.51.100.2", 8080)] {
            let page = try await fetch(web, address, port: port)
            #expect(page.contains("can't connect"), "\(address): \(page)")
        }
    }

    private func checkPorts(_ web: String, _ directory: String) async throws {
        let program = "\(directory)/udp-echo"
        try await GuestProgram.compile("udp-echo", to: program)
        _ = try await Tool(name: "bash", purpose: "copy a program", package: "bash").run([
            "-c",
            "base64 $1 | $2 exec -i $3 -- sh -c 'base64 -d >/tmp/udp-echo; chmod +x /tmp/udp-echo; /tmp/udp-echo 7'",
            "bash",
            program, SmartVMProgram.path, web,
        ])
        _ = try await shell(web, "(echo published | nc -l -p 80 &) >/dev/null 2>&1 </dev/null; sleep 0.3")
        let listed = try await smartvm("port", web).standardOutput.split(separator: "\n").map(String.init)
        let ports = try await info(web).ports
        #expect(
            listed == ports.map { "\($0.guestPort)/\($0.transport.rawValue) -> \($0.hostText)" } && ports.count == 2)
        let tcp = try #require(ports.first)
        let udp = try #require(ports.last)
        #expect(try await read("/dev/tcp/127.0.0.1/\(tcp.hostPort); timeout 10 cat <&3") == "published\n")
        let echo = try await read("/dev/udp/127.0.0.1/\(udp.hostPort); echo datagram >&3; timeout 10 head -n 1 <&3")
        #expect(echo == "datagram\n")
        // A port that is taken is told before anything is made.
        let taken = try await smartvm("run", "-d", "--name", "\(web)-2", "-p", "\(tcp.hostPort):80")
        #expect(
            taken.status == 125 && taken.standardError.contains("is taken by the VM \(web)"), "\(taken.standardError)")
        let all = try await smartvm("ps", "-a").standardOutput
        #expect(!all.contains("\(web)-2"))
    }

    /// What the rules of the VM allow, and nothing else.
    private func checkEgress(_ bound: String) async throws {
        try await checkRulesHold(bound)
        #expect(try await fetch(bound, "198.51.100.1", port: 53).contains("can't connect"))
        #expect(try await !ping(bound, "198.51.100.1"))
        let refused = try await shell(bound, "nslookup elsewhere.test; timeout 2 nslookup web.example 198.51.100.1")
        #expect(refused.contains("REFUSED") && !refused.contains("Address: 198.51.100.1\n"), "\(refused)")
        #expect(try await fetch(bound, "169.254.169.254").contains("can't connect"))
    }

    /// The same, in fewer questions.
    private func checkRulesHold(_ bound: String) async throws {
        let listed = try await fetch(bound, "198.51.100.9")
        #expect(listed.contains("peer 198.51.100.2"), "\(listed)")
        // Another port of the same address.
        #expect(try await fetch(bound, "198.51.100.9", port: 53).contains("can't connect"))
        // The address of a name is open when the name was asked for, and its port alone.
        let page = try await fetch(bound, "web.example")
        #expect(page.contains("peer 198.51.100.2"), "\(page)")
    }

    private func checkLives(_ bound: String, _ other: String, _ network: String) async throws {
        let before = try await info(bound)
        // Its supervisor starts it again.
        kill(Int32(before.vmmPid ?? 0), SIGKILL)
        let isBack = try await eventuallyAsync(seconds: 60) {
            let now = try await info(bound)
            return now.state == .running && now.restarts == 1
        }
        #expect(isBack)
        try await checkRulesHold(bound)
        // It is stopped, of which nothing is left, and started.
        _ = try await smartvm("stop", bound)
        #expect(try await !NetworkHost.rules().contains(before.networks[0].address))
        _ = try await smartvm("start", bound)
        #expect(try await fetch(bound, "198.51.100.1").contains("can't connect"))
        try await checkRulesHold(bound)
        #expect(try await info(bound).networks.map(\.address) == before.networks.map(\.address))
        // A supervisor that was killed leaves nothing that the next command does not take back.
        let life = try await info(other)
        kill(Int32(life.supervisorPid ?? 0), SIGKILL)
        let isOver = try await eventuallyAsync(seconds: 20) { try await info(other).state == .exited }
        #expect(isOver)
        #expect(try !NetworkHost.interfaces().contains(life.networks[0].tapName))
        #expect(try await smartvm("network", "inspect", network).standardOutput.contains("\"members\" : [\n\n  ]"))
    }
}
