import Glibc
import Linux
import Synchronization

/// A network namespace for a test: a thread of its own, and the threads and processes that it starts, are in it.
enum PrivateNetwork {
    /// Runs `body` in one, with the loopback interface up. Must be root.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let box = Box<Value>()
        let thread = try Thread("network") {
            let result = Result {
                try leaveNetwork()
                try NetlinkSocket.setFlags(NetlinkSocket.up, ofInterface: "lo")
                return try body()
            }
            box.result.withLock { $0 = result }
        }
        thread.join()
        guard let result = box.result.withLock({ $0 }) else { throw Errno.noChild }
        return try result.get()
    }

    /// unshare(2) with CLONE_NEWNET, which `import Glibc` does not show.
    private static func leaveNetwork() throws {
        typealias Unshare = @convention(c) (Int32) -> Int32
        guard let symbol = dlsym(nil, "unshare") else { throw Errno.notImplemented }
        let unshare = unsafeBitCast(symbol, to: Unshare.self)
        try systemCall { unshare(0x4000_0000) }
    }

    private final class Box<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }

    /// Runs nft(8) in the caller's network.
    ///
    /// - Returns: What it printed.
    @discardableResult
    static func nft(_ arguments: [String]) throws -> String {
        let pipe = try Pipe()
        let input = try Descriptor.open("/dev/null", O_RDONLY)
        var spawn = Spawn("/usr/sbin/nft", arguments: ["nft"] + arguments)
        spawn.descriptors = [input.rawValue, pipe.write.rawValue, pipe.write.rawValue]
        let child = try spawn.start().child
        // What it prints fits into the pipe.
        let ending = try child.waitUntilExit()
        try pipe.read.setNonBlocking()
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let number = pipe.read.rawValue
        let count = (try? systemCall { bytes.withUnsafeMutableBytes { read(number, $0.baseAddress, $0.count) } }) ?? 0
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard ending == .exited(0) else { throw NFTFault(text: text) }
        return text
    }

    struct NFTFault: Error {
        var text: String
    }
}
