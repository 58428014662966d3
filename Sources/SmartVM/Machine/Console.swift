internal import Dispatch
internal import Glibc
internal import Linux
internal import Synchronization

/// What a guest prints on its serial console, and what its VMM prints: the last of it kept in memory, all of it handed on.
///
/// A guest may print without end, so it is given a pipe and not a file: nothing of it stays on the host's disk.
final class Console: Sendable {
    /// How many bytes are kept for error messages.
    private static let kept = 64 << 10

    private let recent = Mutex<[UInt8]>([])
    private let handler: (@Sendable ([UInt8]) -> Void)?
    private let drained: AsyncStream<Never>

    /// Reads `input` until its last writer has closed it.
    ///
    /// - Parameter handler: Gets the bytes as they come, on a thread of its own queue.
    init(reading input: consuming Descriptor, handler: (@Sendable ([UInt8]) -> Void)?) throws(Errno) {
        try input.setNonBlocking()
        let descriptor = input.take()
        let (drained, continuation) = AsyncStream.makeStream(of: Never.self)
        self.drained = drained
        self.handler = handler
        let source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor, queue: DispatchQueue(label: "smartvm.console"))
        source.setEventHandler { [weak self] in
            if self?.read(descriptor) != true { source.cancel() }
        }
        source.setCancelHandler {
            close(descriptor)
            continuation.finish()
        }
        source.resume()
    }

    /// Takes what is there. False at the end.
    private func read(_ descriptor: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        if count == 0 { return false }
        bytes.removeSubrange(count...)
        recent.withLock {
            $0 += bytes
            if $0.count > Self.kept { $0.removeFirst($0.count - Self.kept) }
        }
        handler?(bytes)
        return true
    }

    /// Waits until everything that was printed has been handed on; only the end of all writers ends it.
    func waitUntilDrained() async {
        for await _ in drained {}
    }

    /// The last lines, without control characters that a hostile guest may have put there for a terminal to obey.
    func lastLines(_ number: Int) -> [String] {
        let bytes = recent.withLock { $0 }
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            String(String.UnicodeScalarView(line.unicodeScalars.filter { $0 == "\t" || ($0.value >= 32 && $0.value != 127) }))
        }
        return Array(lines.filter { !$0.isEmpty }.suffix(number))
    }
}
