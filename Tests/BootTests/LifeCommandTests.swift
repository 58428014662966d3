import Foundation
import Linux
import Subprocess
import SystemPackage
import Testing

@testable import SmartVM

/// The commands about VMs that stay, as far as they boot nothing.
@Suite("commands about VMs that stay", .timeLimit(.minutes(5)))
struct LifeCommandTests {
    /// Runs commands on a data directory of its own.
    private struct Shop {
        let data = "/tmp/smartvm-\(uniqueName("c"))"

        func run(_ arguments: String...) async throws -> SmartVMProgram.Result {
            try await SmartVMProgram.run(arguments, dataDirectory: data)
        }

        func lines(_ arguments: String...) async throws -> [String] {
            let result = try await SmartVMProgram.run(arguments, dataDirectory: data)
            #expect(result.status == 0, "\(arguments): \(result.standardError)")
            return result.standardOutput.split(separator: "\n").map(String.init)
        }
    }

    private func withShop(_ body: (Shop) async throws -> Void) async throws {
        let shop = Shop()
        try FileTree.makeDirectory(shop.data, mode: 0o700)
        defer { try? FileTree.removeAll(shop.data) }
        for name in ["web", "a-name-of-which-nobody-would-think-that-it-is-short"] {
            _ = try await shop.lines(
                "create", "--name", name, "--memory", "128", "--", "sh", "-c", "echo a long\u{1b}[31m command line")
        }
        _ = try await shop.lines("create", "--name", "last", "--rm", "--health-cmd", "true")
        try await body(shop)
    }

    @Test("ps is not wider than it may be, filters as docker does, and shows nothing that a terminal obeys")
    func list() async throws {
        try await withShop { shop in
            let all = try await shop.lines("ps", "-a")
            #expect(all.count == 4 && all.allSatisfy { $0.count <= 80 })
            let whole = try await shop.lines("ps", "-a", "--no-trunc")
            #expect(whole.contains { $0.contains("nobody-would-think") && $0.contains("command line") })
            #expect(!(all + whole).joined().contains("\u{1b}"))
            let none = try await shop.lines("ps", "-q")
            #expect(none == [])
            for (arguments, count) in [
                (["-f", "name=e"], 0), (["-af", "name=e"], 2), (["-f", "status=created"], 3),
                (["-a", "-f", "name=web", "-f", "name=last"], 2), (["-a", "-f", "name=web", "-f", "status=exited"], 0),
                (["-n", "2"], 2), (["--latest"], 1), (["-a", "-f", "image=minimal", "-f", "health=none"], 3),
            ] {
                let result = try await SmartVMProgram.run(["ps", "-q"] + arguments, dataDirectory: shop.data)
                #expect(result.standardOutput.split(separator: "\n").count == count, "\(arguments)")
            }
            for filter in ["name", "colour=red", "status=asleep"] {
                let result = try await shop.run("ps", "--filter", filter)
                #expect(result.status == 125)
            }
        }
    }

    @Test("several are waited for, inspected, removed; the status says whose failure it was")
    func several() async throws {
        try await withShop { shop in
            let waited = try await shop.lines("wait", "web", "last")
            #expect(waited == ["0", "0"])
            let inspected = try await shop.run("inspect", "web", "nosuch", "last")
            #expect(inspected.status == 1 && inspected.standardError.contains("No such VM: nosuch."))
            let objects =
                try JSONSerialization.jsonObject(with: Data(inspected.standardOutput.utf8)) as? [[String: Any]]
            #expect(objects?.count == 2)
            #expect((objects?.first?["state"] as? [String: Any])?["name"] as? String == "web")
            #expect((objects?.last?["config"] as? [String: Any])?["removesAtEnd"] as? Bool == true)
            // That VM is not there, or cannot: 1.
            for arguments in [
                ["rename", "web", "last"], ["create", "--name", "web"], ["stop", "nosuch"], ["kill", "web"],
                ["logs", "nosuch"], ["exec", "web", "true"], ["pause", "web"], ["update", "--memory", "1", "web"],
                ["volume", "rm", "nosuch"], ["volume", "inspect", "nosuch"], ["volume", "create", "a/b"],
                ["network", "rm", "nosuch", "default"], ["network", "inspect", "nosuch"],
                ["network", "create", "lab", "--subnet", "10.0.0.0"], ["image", "rm", "nosuch"],
                ["create", "--network", "nosuch"],
            ] {
                let result = try await SmartVMProgram.run(arguments, dataDirectory: shop.data)
                #expect(result.status == 1, "\(arguments): \(result.standardError)")
            }
            // It was called in a wrong way, or cannot do its own work: 125.
            for arguments in [
                ["stop"], ["stop", "-a", "web"], ["update", "web"], ["run", "-d", "--name", "web"],
                ["run", "--ttl", "5"], ["create", "--rm", "--restart", "always"], ["start", "-a", "web", "last"],
                ["events", "--since", "yesterday", "--until", "0s"], ["logs", "--console", "-t", "web"],
            ] {
                let result = try await SmartVMProgram.run(arguments, dataDirectory: shop.data)
                #expect(result.status == 125, "\(arguments): \(result.standardError)")
            }
            let nowhere = try await SmartVMProgram.run(["stop", "web"], dataDirectory: "/proc/nowhere")
            #expect(nowhere.status == 125)
            let removed = try await shop.lines("rm", "-a")
            #expect(removed.count == 3)
            let left = try await shop.lines("ps", "-aq")
            #expect(left == [])
        }
    }

    @Test("stats, update and events of what does not run")
    func quiet() async throws {
        try await withShop { shop in
            let stats = try await shop.lines("stats", "-a", "--no-stream")
            #expect(stats.count == 4 && stats.allSatisfy { $0.count <= 80 })
            let line = stats.first { $0.hasPrefix("web ") }
            #expect(line?.filter { $0 != " " } == "web------")
            _ = try await shop.lines("update", "--memory", "192m", "--cpus", "2", "--disk-bandwidth", "1m", "web")
            let config = try await shop.run("inspect", "web").standardOutput
            #expect(config.contains("\"memSizeMib\" : 192") && config.contains("\"diskBandwidth\" : 1048576"))
            _ = try await shop.lines("rename", "web", "shop")
            let events = try await shop.lines(
                "events", "--since", "1h", "--until", "0s", "--filter", "vm=web", "--filter", "vm=shop", "--format",
                "json")
            let decoded = try events.map { try JSONDecoder().decode(SandboxEvent.self, from: Data($0.utf8)) }
            #expect(decoded.map(\.action) == ["create", "update", "rename"])
            #expect(decoded.last?.attributes == ["oldName": "web"])
            let table = try await shop.lines("events", "--since", "1h", "--until", "0s", "--filter", "event=update")
            #expect(table.count == 2 && table[1].contains("vcpuCount=2"))
        }
    }

    @Test("bash completes the names of VMs")
    func completion() async throws {
        try await withShop { shop in
            let folder = SmartVMProgram.path.split(separator: "/").dropLast().joined(separator: "/")
            let script = """
                PATH=/\(folder):$PATH
                eval "$(smartvm --generate-completion-script bash)"
                try() {
                    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
                    _smartvm smartvm "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}" 2> /dev/null
                    echo "${COMPREPLY[*]}"
                }
                try smartvm stop we
                try smartvm rm web la
                try smartvm exec a-
                try smartvm unp
                """
            let record = try await Subprocess.run(
                .name("bash"), arguments: ["--norc", "-c", script],
                environment: SmartVMProgram.environment(dataDirectory: shop.data, path: nil),
                output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
            let lines = (record.standardOutput).split(separator: "\n", omittingEmptySubsequences: false)
                .map(String.init)
            #expect(
                lines.prefix(4) == [
                    "web", "last", "a-name-of-which-nobody-would-think-that-it-is-short", "unpause",
                ], "\(record.standardError)")
        }
    }

    @Test("the help of every command has an example, which begins with smartvm")
    func examples() async throws {
        let dump = try await SmartVMProgram.run(["--experimental-dump-help"])
        let root = try JSONSerialization.jsonObject(with: Data(dump.standardOutput.utf8)) as? [String: Any]
        var commands: [[String: Any]] = [try #require(root?["command"] as? [String: Any])]
        var leaves = 0
        while let command = commands.popLast() {
            let children = (command["subcommands"] as? [[String: Any]] ?? []).filter {
                $0["commandName"] as? String != "help"
            }
            commands += children
            guard children.isEmpty else { continue }
            leaves += 1
            let name = command["commandName"] as? String ?? ""
            let parts = (command["discussion"] as? String ?? "").components(separatedBy: "EXAMPLES:\n")
            let examples = parts.count == 2 ? parts[1].split(separator: "\n") : []
            #expect(!examples.isEmpty, "\(name) has no example")
            #expect(examples.allSatisfy { $0.contains("smartvm ") }, "\(name): \(examples)")
        }
        #expect(leaves > 30)
    }
}
