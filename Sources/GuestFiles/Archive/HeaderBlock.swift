/// The 512 bytes in front of each member: fields of fixed widths, numbers as octal text.
struct HeaderBlock {
    private(set) var bytes: [UInt8]

    private enum Field {
        static let name = 0..<100
        static let mode = 100..<108
        static let owner = 108..<116
        static let group = 116..<124
        static let size = 124..<136
        static let modified = 136..<148
        static let checksum = 148..<156
        static let flag = 156
        static let link = 157..<257
        static let magic = 257..<265
        static let prefix = 345..<500
    }

    // MARK: Writing

    init() {
        bytes = [UInt8](repeating: 0, count: ArchiveFormat.blockSize)
        bytes.replaceSubrange(Field.magic, with: Array("ustar\u{0}00".utf8))
    }

    /// The setters say whether the value has room.
    @discardableResult mutating func set(name: [UInt8]) -> Bool { set(name, Field.name) }
    @discardableResult mutating func set(link: [UInt8]) -> Bool { set(link, Field.link) }
    @discardableResult mutating func set(mode: UInt64) -> Bool { set(mode, Field.mode) }
    @discardableResult mutating func set(owner: UInt64) -> Bool { set(owner, Field.owner) }
    @discardableResult mutating func set(group: UInt64) -> Bool { set(group, Field.group) }
    @discardableResult mutating func set(size: UInt64) -> Bool { set(size, Field.size) }

    @discardableResult mutating func set(modified: Int64) -> Bool {
        set(UInt64(max(0, modified)), Field.modified) && modified >= 0
    }

    mutating func set(flag: UInt8) { bytes[Field.flag] = flag }

    private mutating func set(_ text: [UInt8], _ field: Range<Int>) -> Bool {
        guard text.count <= field.count else { return false }
        bytes.replaceSubrange(field, with: text + [UInt8](repeating: 0, count: field.count - text.count))
        return true
    }

    private mutating func set(_ number: UInt64, _ field: Range<Int>) -> Bool {
        let digits = Array(String(number, radix: 8).utf8)
        let width = field.count - 1
        guard digits.count <= width else { return set(0, field) && false }
        let text = [UInt8](repeating: UInt8(ascii: "0"), count: width - digits.count) + digits + [0]
        bytes.replaceSubrange(field, with: text)
        return true
    }

    /// The block with its checksum.
    func sealed() -> [UInt8] {
        var block = self
        let digits = Array(String(checksum, radix: 8).utf8)
        let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: 6 - digits.count)
        block.bytes.replaceSubrange(Field.checksum, with: zeros + digits + [0, UInt8(ascii: " ")])
        return block.bytes
    }

    /// The sum of all bytes, those of the checksum taken as spaces.
    private var checksum: Int {
        var sum = 8 * Int(UInt8(ascii: " "))
        for (index, byte) in bytes.enumerated() where !Field.checksum.contains(index) { sum += Int(byte) }
        return sum
    }

    // MARK: Reading

    /// A block of 512 bytes that has arrived; `malformed` unless its checksum is right.
    init(_ bytes: [UInt8]) throws(TransferError) {
        self.bytes = bytes
        guard Self.number(bytes[Field.checksum]).map({ $0 == Int64(checksum) }) ?? false else {
            throw .malformed("a header has the wrong checksum")
        }
    }

    var flag: UInt8 { bytes[Field.flag] }
    var link: [UInt8] { Self.text(bytes[Field.link]) }

    var name: [UInt8] {
        let name = Self.text(bytes[Field.name])
        // GNU's own format has other things in the place of the prefix.
        guard bytes[Field.magic].starts(with: "ustar\u{0}".utf8) else { return name }
        let prefix = Self.text(bytes[Field.prefix])
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }

    func mode() throws(TransferError) -> UInt32 { UInt32(truncatingIfNeeded: try number(Field.mode)) & 0o7777 }
    func owner() throws(TransferError) -> Int64 { try number(Field.owner) }
    func group() throws(TransferError) -> Int64 { try number(Field.group) }
    func size() throws(TransferError) -> Int64 { try number(Field.size) }
    func modified() throws(TransferError) -> Int64 { try number(Field.modified) }

    private func number(_ field: Range<Int>) throws(TransferError) -> Int64 {
        guard let number = Self.number(bytes[field]) else { throw .malformed("a number in a header is none") }
        return number
    }

    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] {
        Array(field.prefix { $0 != 0 })
    }

    /// Octal text, or the binary form that GNU tar writes for what has no room.
    private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            // Two's complement, of which the first byte has seven bits.
            var value = Int64(Int8(bitPattern: first << 1) >> 1)
            for byte in field.dropFirst() {
                let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                if overflow { return nil }
                value = product | Int64(byte)
            }
            return value
        }
        var value: Int64 = 0
        for byte in field.drop(while: { $0 == UInt8(ascii: " ") }) {
            if byte == 0 || byte == UInt8(ascii: " ") { break }
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte), value <= Int64.max >> 3 else { return nil }
            value = value << 3 | Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
