import Glibc
import Linux
import SupervisorProtocol
import Testing

@testable import Supervisor

@Suite("logs")
struct LogTests {
    private func pieces(_ chunks: [[UInt8]]) -> [String] {
        var splitter = LineSplitter()
        var result: [String] = []
        let note = { (bytes: [UInt8], isFull: Bool) in
            result.append("\(isFull ? "F" : "P") \(String(decoding: bytes, as: UTF8.self))")
        }
        for chunk in chunks { splitter.feed(chunk, note) }
        splitter.finish(note)
        return result
    }

    @Test("lines are put together however they come, and what has no break at the end is a part")
    func lines() {
        #expect(
            pieces([Array("one\ntwo\n\nth".utf8), Array("ree".utf8), Array("\nfour".utf8)]) == [
                "F one", "F two", "F ", "F three", "P four",
            ])
        #expect(pieces([]) == [])
        #expect(pieces([Array("\n".utf8)]) == ["F "])
    }

    @Test("whatever is printed can be put together again, and no part is longer than it may be")
    func anything() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let length = Int.random(in: 0...(3 * LineSplitter.maximumLength), using: &generator)
            let breaks = Double.random(in: 0...0.01, using: &generator)
            let printed: [UInt8] = (0..<length).map { _ in
                Double.random(in: 0...1, using: &generator) < breaks
                    ? 0x0a : UInt8.random(in: 0...255, using: &generator)
            }
            var splitter = LineSplitter()
            var records: [UInt8] = []
            var longest = 0
            let note = { (bytes: [UInt8], isFull: Bool) in
                longest = max(longest, bytes.count)
                records +=
                    LogRecord(time: Timestamp(nanoseconds: 0), stream: .standardOutput, isFull: isFull, bytes: bytes)
                    .printed
            }
            var rest = printed[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...20_000, using: &generator)
                splitter.feed(Array(rest.prefix(count)), note)
                rest = rest.dropFirst(count)
            }
            splitter.finish(note)
            #expect(records == printed)
            #expect(longest <= LineSplitter.maximumLength)
        }
    }

    @Test("a record is read as it was written; what a crash has cut is none")
    func records() throws {
        let record = LogRecord(
            time: Timestamp(nanoseconds: 1_795_257_960_000_000_007), stream: .standardError, isFull: false,
            bytes: Array("a b  c".utf8))
        #expect(String(decoding: record.encoded, as: UTF8.self) == "2026-11-21T10:46:00.000000007Z stderr P a b  c\n")
        #expect(LogRecord(line: record.encoded.dropLast()) == record)
        for length in 0..<33 { #expect(LogRecord(line: record.encoded.prefix(length)) == nil) }
    }

    @Test(
        "times are those of the calendar",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
        ] as [(UInt64, String)])
    func times(nanoseconds: UInt64, text: String) {
        #expect(Timestamp(nanoseconds: nanoseconds).text == text)
        #expect(Timestamp(text)?.nanoseconds == nanoseconds)
    }

    @Test("every time is read as it was written, and nonsense is refused")
    func allTimes() {
        for _ in 0..<1000 {
            let time = Timestamp(nanoseconds: .random(in: 0...7_000_000_000_000_000_000))
            #expect(Timestamp(time.text) == time)
        }
        #expect(Timestamp("2026-11-21T10:46:00Z")?.nanoseconds == 1_795_257_960_000_000_000)
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-21 10:46:00Z", "2026-11-21T10:46:00.Z"] {
            #expect(Timestamp(text) == nil)
        }
    }

    @Test("empty lines without end, and the words of a guest, take no more than they may")
    func hostile() throws {
        let directory = "/tmp/smartvm-log-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        let path = "\(directory)/output.log"
        let log = CommandLog(RotatedFile(path, LogLimits(bytes: 256 << 10, files: 2), gap: LogGap.record))
        log.append([UInt8](repeating: 0x0a, count: 256 << 10), .standardOutput)
        for name in ["output.log", "output.log.1"] {
            let size = try FileTree.attributes(of: "\(directory)/\(name)").size
            #expect((1...(256 << 10)).contains(size))
        }
        let lines = try File.read(path).split(separator: 0x0a)
        #expect(lines.allSatisfy { LogRecord(line: $0)?.bytes == [] })
        #expect(GuestWords.shown("nosuch: not found") == "nosuch: not found")
        #expect(GuestWords.shown("a\u{1b}[2J\nroot\u{9b}\u{202e}") == "a\u{fffd}[2J\u{fffd}root\u{fffd}\u{fffd}")
        #expect(GuestWords.shown(String(repeating: "a", count: 5000)).unicodeScalars.count == 4001)
    }

    @Test("a log takes no more of the disk than it may, and loses the oldest")
    func rotation() throws {
        let directory = "/tmp/smartvm-log-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        let path = "\(directory)/output.log"
        let file = RotatedFile(path, LogLimits(bytes: 100, files: 3), gap: LogGap.text)
        for number in 0..<40 { file.append(Array("line number \(number + 100)\n".utf8)) }
        #expect(try FileTree.names(at: directory) == ["output.log", "output.log.1", "output.log.2"])
        let texts = try [".2", ".1", ""].map { try File.readText(path + $0) }
        for text in texts { #expect(text.utf8.count <= 100) }
        let lines = texts.joined().split(separator: "\n")
        #expect(lines.last == "line number 139")
        #expect(lines.map(String.init) == ((140 - lines.count)..<140).map { "line number \($0)" })
        // A later life goes on in the same file, after what was cut.
        try File.write(Array("cut".utf8), to: path)
        let again = RotatedFile(path, LogLimits(bytes: 100, files: 3), gap: LogGap.text)
        again.completeLastLine()
        again.append(Array("next\n".utf8))
        #expect(try File.readText(path) == "cut\nnext\n")
    }

    @Test("what a full disk has kept from a log is counted, and said where it is missing")
    func gap() throws {
        let directory = "/tmp/smartvm-log-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        let path = "\(directory)/output.log"
        let file = RotatedFile(path, LogLimits(bytes: 10_000, files: 3), gap: LogGap.text)
        file.append(Array("one\n".utf8))
        try File.move(path, to: "\(path).kept")
        // Every write to it fails with ENOSPC.
        #expect(symlink("/dev/full", path) == 0)
        let full = RotatedFile(path, LogLimits(bytes: 10_000, files: 3), gap: LogGap.text)
        full.append(Array("two\n".utf8))
        full.append(Array("three\n".utf8))
        full.noteGap()
        try FileTree.remove(path)
        try File.move("\(path).kept", to: path)
        full.append(Array("four\n".utf8))
        let words = "[smartvm: 10 bytes of this log are missing here; the disk was full or could not be written]"
        #expect(try File.readText(path) == "one\n\(words)\nfour\n")
    }
}
