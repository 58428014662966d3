import Glibc
import Linux
import Testing

/// Tests that change the network run in processes of their own: this test bundle once more, with one of its tests, in a network
/// namespace that goes with the last process in it.
enum NetworkTestProcess {
    private static let namespaceVariable = "SMARTVM_TEST_NAMESPACE"
    private static let roleVariable = "SMARTVM_TEST_ROLE"

    /// What this process is to do, if it was started by ``start(_:role:output:)``.
    static var role: String? { EnvironmentVariable.value(roleVariable) }

    /// Whether the caller is to go on: it is in a namespace of its own. If it is not, runs the calling test in one, and records it as an
    /// issue if that fails.
    static func enter(_ test: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Bool {
        if EnvironmentVariable.value(namespaceVariable) != nil { return true }
        try #require(geteuid() == 0, "network namespaces are made by root", sourceLocation: sourceLocation)
        let output = "/tmp/smartvm-\(uniqueName("nettest")).log"
        defer { unlink(output) }
        let child = try spawn(
            test, variable: "\(namespaceVariable)=1", wrapper: ["unshare", "-n", "--"], output: output)
        let ended = await wait(for: child, seconds: 240)
        if !ended { child.kill(SIGKILL) }
        let ending = try child.waitUntilExit()
        let text = (try? File.readText(output)) ?? ""
        #expect(ended && ending == .exited(0), "\(ending): \(text.suffix(6000))", sourceLocation: sourceLocation)
        #expect(text.contains("1 test"), "\(text.suffix(2000))", sourceLocation: sourceLocation)
        if EnvironmentVariable.value("SMARTVM_TEST_VERBOSE") != nil { print(text) }
        return false
    }

    /// Starts the test once more, in the namespace of this process, for a role that it finds in ``role``.
    ///
    /// - Parameter wrapper: A program of /usr/bin with its arguments, which runs it.
    static func start(
        _ test: String, role: String, wrapper: [String] = [], output: String = "/dev/null"
    ) throws -> ChildProcess {
        try spawn(test, variable: "\(roleVariable)=\(role)", wrapper: wrapper, output: output)
    }

    /// Whether it ends in time. Does not block the thread.
    static func wait(for child: ChildProcess, seconds: Double) async -> Bool {
        (try? await eventually(seconds: seconds) { !child.isRunning }) ?? false
    }

    private static func spawn(
        _ test: String, variable: String, wrapper: [String], output: String
    ) throws -> ChildProcess {
        let bundle = try File.linkTarget("/proc/self/exe")
        let file = try Descriptor.open(output, O_WRONLY | O_CREAT | O_TRUNC)
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let arguments = wrapper + [bundle, "--no-parallel", "--filter", test, "--testing-library", "swift-testing"]
        var spawn = Spawn(wrapper.isEmpty ? bundle : "/usr/bin/\(wrapper[0])", arguments: arguments)
        spawn.environment =
            try File.readText("/proc/self/environ").split(separator: "\0").map(String.init).filter {
                !$0.hasPrefix("\(roleVariable)=")
            } + [variable]
        spawn.descriptors = [null.rawValue, file.rawValue, file.rawValue]
        return try spawn.start().child
    }
}
