import Testing

@testable import FirecrackerQEMU

@Suite("The command line of smartvm-qemu")
struct ArgumentsTests {
    @Test("Values, flags and defaults")
    func values() throws {
        let arguments = try Arguments(["--id", "x", "--show-level", "--", "--nonsense"])
        #expect(arguments["id"] == "x")
        #expect(arguments.has("show-level"))
        #expect(!arguments.has("no-api"))
        #expect(arguments["api-sock"] == "/run/firecracker.socket")
        #expect(arguments["level"] == nil)
    }

    @Test(
        "What is wrong is said",
        arguments: [
            (["--foo"], "Found argument 'foo' which wasn't expected, or isn't valid in this context."),
            (["foo"], "Found argument 'foo' which wasn't expected, or isn't valid in this context."),
            (["--id=x"], "Found argument 'id=x' which wasn't expected, or isn't valid in this context."),
            (["--id"], "The argument 'id' requires a value, but none was supplied."),
            (["--id", "--no-seccomp"], "The argument 'id' requires a value, but none was supplied."),
            (["--id", "a", "--id", "b"], "The argument 'id' was provided more than once."),
            (["--no-api"], "Argument 'config-file' required, but not found."),
            (
                ["--no-seccomp", "--seccomp-filter", "f"],
                "Argument 'no-seccomp' cannot be used together with argument 'seccomp-filter'."
            ),
        ])
    func faults(words: [String], sentence: String) {
        do {
            _ = try Arguments(words)
            Issue.record("\(words) was taken")
        } catch {
            #expect(error.sentence == sentence)
        }
    }

    @Test("--help and --version win over every mistake")
    func winners() throws {
        #expect(try Arguments(["--version", "--nonsense"]).has("version"))
        #expect(try Arguments(["--id", "-h"]).has("help"))
    }

    @Test("Every option of this program's own is under its prefix")
    func ownOptions() {
        #expect(Arguments.options.count { $0.name.hasPrefix("qemu-") } == 2)
        #expect(Arguments.helpText.contains("--qemu-binary <qemu-binary>"))
    }

    @Test(
        "The name of an instance",
        arguments: [
            ("a-B9", nil), ("", "InvalidLen(0, 1, 64)"), (String(repeating: "b", count: 65), "InvalidLen(65, 1, 64)"),
            ("a_b", "InvalidChar('_', 1)"),
        ])
    func instanceID(id: String, problem: String?) {
        #expect(InstanceID.problem(with: id) == problem)
    }
}
