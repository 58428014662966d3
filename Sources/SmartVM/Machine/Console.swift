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

    /// Reads `input`, on a thread of its own, until its last writer has closed it.
    ///
    /// - Parameter handler: Gets the bytes as they come, on that thread.
    init(reading input: consuming Descriptor, handler: (@Sendable ([UInt8]) -> Void)?) throws(Errno) {
        let (drained, continuation) = AsyncStream.makeStream(of: Never.self)
        self.drained = drained
        self.handler = handler
        let descriptor = input.take()
        do throws(Errno) {
            try Thread("smartvm-console") { [self] in
                read(Descriptor(owning: descriptor))
                continuation.finish()
            }.detach()
        } catch {
            close(descriptor)
            throw error
        }
    }

    private func read(_ input: consuming Descriptor) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while let count = try? buffer.withUnsafeMutableBytes({ try input.read(into: $0) }), count > 0 {
            let bytes = Array(buffer[..<count])
            recent.withLock {
                $0 += bytes
                if $0.count > Self.kept { $0.removeFirst($0.count - Self.kept) }
            }
            handler?(bytes)
        }
    }

    /// Waits until everything that was printed has been handed on; only the end of all writers ends it.
    func waitUntilDrained() async {
        for await _ in drained {}
    }

    /// The last lines, for an error message; before them the last panic of a kernel, which the trace behind it may have pushed out.
    func closingLines(_ number: Int) -> [String] {
        let lines = lastLines(.max)
        let last = lines.suffix(number)
        let panic = lines.dropLast(number).last { $0.contains("Kernel panic") }
        return (panic.map { [$0, "…"] } ?? []) + last
    }

    /// The last lines, without control characters that a hostile guest may have put there for a terminal to obey.
    func lastLines(_ number: Int) -> [String] {
        Array(Self.printable(recent.withLock { $0 }).suffix(number))
    }

    /// The lines of what a guest has printed, without control characters and without empty ones.
    static func printable(_ bytes: [UInt8]) -> [String] {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            String(
                String.UnicodeScalarView(
                    line.unicodeScalars.filter { $0 == "\t" || ($0.value >= 32 && $0.value != 127) }))
        }
        return lines.filter { !$0.isEmpty }
    }
}
