import FirecrackerAPI
import Testing

@Suite("Firecracker's versions")
struct FirecrackerVersionTests {
    @Test(
        "what can be read",
        arguments: [
            ("1.16.1", FirecrackerVersion(1, 16, 1)), ("v1.16.1", .init(1, 16, 1)), ("1.16", .init(1, 16, 0)),
            ("1.17.0-dev", .init(1, 17, 0)), ("v0.25.0", .init(0, 25, 0)),
        ])
    func read(text: String, version: FirecrackerVersion) {
        #expect(FirecrackerVersion(text) == version)
        #expect(FirecrackerVersion(version.description) == version)
    }

    @Test("what cannot", arguments: ["", "1", "1.", "1.x.1", "1.2.3.4", "vv1.2.3", "1.-2.3", "1.2.3333333", " 1.2.3"])
    func refuse(text: String) {
        #expect(FirecrackerVersion(text) == nil)
    }

    @Test("the output of --version, which also has a line of the log")
    func programOutput() {
        let output =
            "Firecracker v1.16.1\n\n2026-01-01T00:00:00.0 [x:main] Firecracker exiting successfully. exit_code=0\n"
        #expect(FirecrackerVersion(programOutput: output) == .described)
        #expect(FirecrackerVersion(programOutput: "Jailer v1.16.1\n") == nil)
        #expect(FirecrackerVersion(programOutput: "") == nil)
    }

    @Test("they are ordered by number, not by text")
    func order() {
        #expect(FirecrackerVersion(1, 9, 1) < FirecrackerVersion(1, 10, 0))
        #expect(FirecrackerVersion(1, 16, 0) < FirecrackerVersion(1, 16, 1))
        #expect(FirecrackerVersion(0, 25, 0) < FirecrackerVersion(1, 0, 0))
    }

    @Test("what is broken in a release is said")
    func problems() {
        let known = FirecrackerVersion(1, 16, 0).knownProblems
        #expect(known.contains { $0.hasPrefix("Firecracker 1.16.0 breaks vsock after a snapshot is restored") })
        #expect(!FirecrackerVersion(1, 16, 1).knownProblems.contains { $0.contains("restored") })
        #expect(FirecrackerVersion(1, 15, 1).knownProblems == [])
    }
}
