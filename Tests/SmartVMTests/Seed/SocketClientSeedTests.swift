import SmartVM
import Testing

@Suite("Seed: SocketClient")
struct SocketClientSeedTests {
    @Test("SocketClient - URL construction")
    func construction() {
        let client = SocketClient(socketPath: "/tmp/test.sock")
        #expect(client.socketPath == "/tmp/test.sock")
    }
}
