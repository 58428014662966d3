import Glibc
import Linux
import Subprocess
import SystemPackage
import Testing

/// The `smartvm` program as a person runs it.
enum SmartVMProgram {
    struct Result: Sendable {
        var status: Int32
        var standardOutput: String
        var standardError: String
    }

    /// Beside the test bundle, where the package's build puts it.
    static let path: String = {
        let executable = (try? File.readText("/proc/self/cmdline"))?.split(separator: "\0").map(String.init) ?? []
        let bundle = executable.first { $0.hasSuffix(".xctest") } ?? executable.first ?? ""
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/smartvm"
    }()

    /// The environment of a run; a data directory of its own if one is given.
    static func environment(dataDirectory: String?, path: String?) -> Environment {
        var environment = Environment.inherit
        if let dataDirectory { environment = environment.updating(["SMARTVM_DATA_DIR": dataDirectory]) }
        if let path { environment = environment.updating(["PATH": path]) }
        return environment
    }

    /// Runs it to its end.
    static func run(
        _ arguments: [String], input: String = "", dataDirectory: String? = nil, path searchPath: String? = nil,
        limit: Int = 4 << 20, program: String = path
    ) async throws -> Result {
        let record = try await Subprocess.run(
            .path(.init(program)), arguments: Arguments(arguments),
            environment: environment(dataDirectory: dataDirectory, path: searchPath),
            input: .string(input), output: .string(limit: limit), error: .string(limit: limit))
        let status: Int32 =
            switch record.terminationStatus {
            case .exited(let code): code
            case .signaled(let signal): 128 + signal
            }
        return Result(
            status: status, standardOutput: record.standardOutput, standardError: record.standardError)
    }

    /// Starts it in the background, with its output going to a file.
    static func start(
        _ arguments: [String], output: String, dataDirectory: String? = nil, variables: [String: String] = [:]
    ) throws -> ChildProcess {
        let file = try Descriptor.open(output, O_WRONLY | O_CREAT | O_TRUNC)
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        var spawn = Spawn(path, arguments: ["smartvm"] + arguments)
        spawn.environment = [
            "PATH", "HOME", "SMARTVM_DATA_DIR", "SMARTVM_GUEST", "SMARTVM_QEMU", "SMARTVM_SUPERVISOR", "SMARTVM_VMM",
        ]
        .filter { variables[$0] == nil }.compactMap { name in
            let value =
                name == "SMARTVM_DATA_DIR"
                ? dataDirectory ?? EnvironmentVariable.value(name) : EnvironmentVariable.value(name)
            return value.map { "\(name)=\($0)" }
        }
        spawn.environment += variables.map { "\($0)=\($1)" }
        spawn.descriptors = [null.rawValue, file.rawValue, file.rawValue]
        return try spawn.start().child
    }
}

/// Whether guests can be booted: the agent and the VMM are built by scripts/test, which also demands that no test is skipped.
enum BootCapability {
    static let isThere =
        EnvironmentVariable.value("SMARTVM_REQUIRE_BOOT") != nil
        || EnvironmentVariable.value("SMARTVM_GUEST") != nil && EnvironmentVariable.value("SMARTVM_QEMU") != nil

    static let trait = ConditionTrait.enabled(
        if: isThere, "SMARTVM_GUEST and SMARTVM_QEMU are not set: use scripts/test")
}

/// What VMs leave while they run.
enum Traces {
    static var dataDirectory: String { EnvironmentVariable.value("SMARTVM_DATA_DIR") ?? "/var/lib/smartvm" }

    /// Runtime directories of VMs whose names begin with `prefix`.
    static func directories(_ prefix: String) -> [String] {
        ((try? FileTree.names(at: "\(dataDirectory)/run")) ?? []).filter { $0.hasPrefix(prefix) }
    }

    /// Processes whose arguments name such a directory, or whose working directory is one.
    static func processes(_ prefix: String) -> [String] {
        let directory = "\(dataDirectory)/run/\(prefix)"
        return ((try? FileTree.names(at: "/proc")) ?? []).filter { Int32($0) != nil }.compactMap { pid in
            let arguments = (try? File.readText("/proc/\(pid)/cmdline")) ?? ""
            var buffer = [CChar](repeating: 0, count: 4096)
            let length = readlink("/proc/\(pid)/cwd", &buffer, buffer.count - 1)
            let folder = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard arguments.contains("\(directory)") || folder.hasPrefix(directory) else { return nil }
            return "\(pid): \(arguments.split(separator: "\0").joined(separator: " ").prefix(120))"
        }
    }
}

/// A name that no other test has.
func uniqueName(_ prefix: String) -> String {
    "\(prefix)-\(UInt32.random(in: 0...UInt32.max))"
}

/// Whether `condition` comes true within `seconds`.
func eventually(seconds: Double = 10, _ condition: () throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return try condition()
}
