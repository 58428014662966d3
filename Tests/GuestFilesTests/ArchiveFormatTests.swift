import GuestProtocol
import Testing

@testable import GuestFiles

@Suite("The archive's format")
struct ArchiveFormatTests {
    @Test("times are written and read to the nanosecond, before 1970 too")
    func times() {
        for (nanoseconds, text) in [
            (0, "0.000000000"), (1_500_000_001, "1.500000001"), (-1, "-0.000000001"), (-500_000_000, "-0.500000000"),
            (-1_500_000_000, "-1.500000000"), (981_173_106_789_012_345, "981173106.789012345"),
        ] as [(Int64, String)] {
            let time = PaxTime(nanoseconds: nanoseconds)
            #expect(time.text == text)
            #expect((0..<1_000_000_000).contains(time.nanoseconds))
            #expect(PaxTime(text: Array(text.utf8))?.total == nanoseconds)
        }
        #expect(PaxTime(text: Array("12".utf8))?.total == 12_000_000_000)
        #expect(PaxTime(text: Array("1.0123456789".utf8))?.total == 1_012_345_678)
        for text in ["", ".", "x", "1.x", "1.-5", "99999999999999", "--1", "-9223372036854775808"] {
            #expect(PaxTime(text: Array(text.utf8)) == nil)
        }
    }

    @Test("the length of a pax record counts itself")
    func records() throws {
        for count in [1, 2, 5, 6, 90, 91, 92, 93, 985, 990, 1000] {
            var records = PaxRecords()
            let value = [UInt8](repeating: 0x61, count: count)
            records.append("path", value)
            #expect(try PaxRecords.parse(records.bytes) == ["path": value])
            let length = Int(String(decoding: records.bytes.prefix { $0 != 0x20 }, as: UTF8.self))
            #expect(length == records.bytes.count)
        }
        for text in ["5 a=b", "x a=b\n", "7 a=b\n", "5 ab\n", "-6 a=b\n", "99999999999 a=b\n", "0 a=b\n", "2 \n"] {
            #expect(throws: TransferError.self) { try PaxRecords.parse(Array(text.utf8)) }
        }
    }

    @Test("numbers in headers: octal, binary where octal has no room, and none")
    func numbers() throws {
        var header = HeaderBlock()
        let fits = header.set(size: 0o77_777_777_777)
        #expect(fits)
        #expect(try HeaderBlock(header.sealed()).size() == 0o77_777_777_777)
        let doesNotFit = header.set(size: 0o100_000_000_000)
        #expect(!doesNotFit)
        for (field, value) in [
            ([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1], 8_589_934_593),
            ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], -2),
            ([0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], nil),
            ([0x20, 0x20, 0x31, 0x37, 0x20, 0, 0, 0, 0, 0, 0, 0], 15), ([0x39, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], nil),
        ] as [([UInt8], Int64?)] {
            var bytes = HeaderBlock().sealed()
            bytes.replaceSubrange(124..<136, with: field)
            let sum = bytes.enumerated().reduce(256) { (148..<156).contains($1.offset) ? $0 : $0 + Int($1.element) }
            let digits = Array(String(sum, radix: 8).utf8)
            bytes.replaceSubrange(
                148..<156, with: [UInt8](repeating: 0x30, count: 6 - digits.count) + digits + [0, 0x20])
            #expect((try? HeaderBlock(bytes).size()) == value)
        }
        var wrong = header.sealed()
        wrong[0] ^= 1
        #expect(throws: TransferError.self) { try HeaderBlock(wrong) }
    }

    @Test("what a path's end means")
    func copyPaths() {
        for (path, name, parent, isDirectory) in [
            ("/a/b", "b", "/a/", false), ("b", "b", ".", false), ("/b", "b", "/", false), ("/a/b/", "b", "/a/", true),
            ("/a/b/.", ".", "/a/b/", true), ("/", ".", ".", true), ("..", ".", ".", true), ("a/..", ".", "a/", true),
            (".", ".", ".", true), ("a//b//", "b", "a//", true),
        ] {
            let copy = CopyPath(Array(path.utf8))
            #expect(String(decoding: copy.name, as: UTF8.self) == name, "\(path)")
            #expect(String(decoding: copy.parent, as: UTF8.self) == parent, "\(path)")
            #expect(copy.meansDirectory == isDirectory, "\(path)")
        }
    }
}
