import Glibc
import Linux
import Subprocess
import SystemPackage

/// Programs of Tests/Guests, which run in any guest.
enum GuestProgram {
    struct Failure: Error {
        var sentence: String
    }

    /// Compiles one.
    static func compile(_ name: String, to path: String) async throws {
        let source = #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Guests/\(name).c"
        let compiler: Executable =
            EnvironmentVariable.value("PATH")?.split(separator: ":").contains { access("\($0)/cc", X_OK) == 0 } == true
            ? .name("cc") : .name("clang")
        let result = try await Subprocess.run(
            compiler, arguments: ["-static", "-O2", "-s", "-o", path, source], output: .discarded,
            error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess else {
            throw Failure(sentence: "\(name).c does not compile: \(result.standardError)")
        }
    }
}
