import FoundationEssentials
import Glibc
import Linux
import Subprocess
import SystemPackage
import Testing

@testable import SmartVM

/// A data directory on a small disk of its own, in a mount namespace and a network namespace of its own: whatever is done to it is gone with
/// the process that holds them. The image is the other tests'.
final class PrivateData: Sendable {
    /// Inside.
    let path: String
    private let holder: ChildProcess

    /// - Parameter megabytes: The size of the disk.
    init(megabytes: Int) async throws {
        let image = try await SmartVMProgram.run(["image", "build", "minimal"])
        try #require(image.status == 0, "\(image.standardError)")
        let path = "/tmp/sf\(UInt16.random(in: 0...UInt16.max))"
        try FileTree.makeDirectory(path)
        self.path = path
        let script = """
            mount -t tmpfs -o size=\(megabytes)m,mode=700 none \(path) && mkdir \(path)/images \
            && mount --bind \(Traces.dataDirectory)/images \(path)/images && ip link set lo up \
            && touch \(path)/ready && exec sleep 1000
            """
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var spawn = Spawn(
            "/usr/bin/unshare",
            arguments: ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script])
        spawn.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        spawn.descriptors = [null.rawValue, null.rawValue, null.rawValue]
        holder = try spawn.start().child
        let root = "/proc/\(holder.pid)/root\(path)"
        guard try await eventually(seconds: 10, { FileTree.exists("\(root)/ready") }) else {
            throw Linux.Errno.timedOut
        }
    }

    /// The data directory as this process sees it.
    var outside: String { "/proc/\(holder.pid)/root\(path)" }

    /// Runs smartvm there.
    func smartvm(_ arguments: String...) async throws -> SmartVMProgram.Result {
        try await run([SmartVMProgram.path] + arguments)
    }

    /// Runs a shell's command there, in the data directory.
    @discardableResult
    func shell(_ script: String) async throws -> SmartVMProgram.Result {
        try await run(["sh", "-c", "cd \(path) && \(script)"])
    }

    private func run(_ arguments: [String]) async throws -> SmartVMProgram.Result {
        let record = try await Subprocess.run(
            .path("/usr/bin/nsenter"),
            arguments: Arguments(["--mount", "--net", "--target", "\(holder.pid)"] + arguments),
            environment: SmartVMProgram.environment(dataDirectory: path, path: nil),
            output: .string(limit: 4 << 20), error: .string(limit: 4 << 20))
        let status: Int32 =
            switch record.terminationStatus {
            case .exited(let code): code
            case .signaled(let signal): 128 + signal
            }
        return SmartVMProgram.Result(
            status: status, standardOutput: record.standardOutput, standardError: record.standardError)
    }

    /// What `ps` says of a VM.
    func info(_ name: String) async throws -> SandboxInfo? {
        let list = try await smartvm("ps", "-a", "--format", "json")
        return try JSONDecoder().decode([SandboxInfo].self, from: Data(list.standardOutput.utf8)).first {
            $0.name == name
        }
    }

    /// The rules of the firewall there.
    func rules() async throws -> String { try await shell("nft list ruleset").standardOutput }

    /// Processes, directories and sockets that are left.
    func traces() -> [String] {
        let processes = ((try? FileTree.names(at: "/proc")) ?? []).filter { pid in
            let arguments = (try? File.readText("/proc/\(pid)/cmdline")) ?? ""
            return Int32(pid) != nil && arguments.contains("\(path)/")
        }
        let directories = ["run", "vms"].flatMap { name in
            ((try? FileTree.names(at: "\(outside)/\(name)")) ?? []).map { "\(name)/\($0)" }
        }
        let links = (try? File.readText("/proc/\(holder.pid)/net/dev"))?.split(separator: "\n").dropFirst(2).count ?? 0
        let files = (try? FileTree.names(at: "\(outside)/networks/running")) ?? []
        return processes + directories.filter { $0 != "run/.lock" } + files + (links > 1 ? ["\(links) interfaces"] : [])
    }

    /// Ends what holds it.
    func close() {
        holder.kill(SIGKILL)
        _ = try? holder.waitUntilExit()
        try? FileTree.removeEmptyDirectory(path)
    }

    /// Everything that was made in `body` must have been removed there.
    static func with(megabytes: Int = 256, _ body: (PrivateData) async throws -> Void) async throws {
        let data = try await PrivateData(megabytes: megabytes)
        defer { data.close() }
        do {
            try await body(data)
        } catch {
            for name in try await data.smartvm("ps", "-a", "-q").standardOutput.split(separator: "\n") {
                _ = try await data.smartvm("rm", "-f", String(name))
            }
            throw error
        }
        let rules = try await data.rules()
        let left = data.traces() + (rules.isEmpty ? [] : [rules])
        #expect(left == [])
        FaultCount.add(faults: 0, leaks: left)
        FaultCount.report()
    }
}
