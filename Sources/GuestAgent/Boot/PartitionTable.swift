/// Which partition of a disk has a UUID, by the disk's first sectors: what the kernel itself does for `root=PARTUUID=`, which it tells
/// nobody else.
struct PartitionTable {
    /// As many bytes as are looked at: a GUID table of the usual size.
    static let length = 34 * sectorSize
    private static let sectorSize = 512

    /// Each partition's number, from 1, and its UUID as the kernel writes it.
    private(set) var partitions: [(number: Int, uuid: String)] = []

    /// - Parameter disk: Its first ``length`` bytes, or fewer. What is no table has no partitions.
    init(_ disk: [UInt8]) {
        guard disk.count >= 2 * Self.sectorSize, disk[510] == 0x55, disk[511] == 0xaa else { return }
        if disk[Self.sectorSize..<(Self.sectorSize + 8)].elementsEqual("EFI PART".utf8) {
            readGUIDTable(disk)
        } else {
            let signature = Self.hexadecimal(disk[440..<444].reversed())
            for number in 1...4 where disk[446 + (number - 1) * 16 + 4] != 0 {
                partitions.append((number, "\(signature)-0\(number)"))
            }
        }
    }

    /// The number of the partition with a UUID, in capital letters or small ones.
    func number(of uuid: String) -> Int? {
        let wanted = uuid.utf8.map(Self.lowercase)
        return partitions.first { $0.uuid.utf8.elementsEqual(wanted) }?.number
    }

    private mutating func readGUIDTable(_ disk: [UInt8]) {
        func number(_ offset: Int, _ size: Int) -> UInt64 {
            disk[offset..<(offset + size)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let header = Self.sectorSize
        guard let first = Int(exactly: number(header + 72, 8)), first < disk.count / Self.sectorSize else { return }
        let size = Int(number(header + 84, 4))
        guard size >= 128 else { return }
        for index in 0..<Int(number(header + 80, 4)) {
            let (distance, overflow) = index.multipliedReportingOverflow(by: size)
            let offset = first * Self.sectorSize
            guard !overflow, distance < disk.count, offset + distance + 32 <= disk.count else { return }
            // An entry without a type is none.
            let entry = Array(disk[(offset + distance)..<(offset + distance + 32)])
            if entry[..<16].allSatisfy({ $0 == 0 }) { continue }
            partitions.append((index + 1, Self.text(ofGUID: Array(entry[16...]))))
        }
    }

    /// The first three parts are little-endian numbers.
    private static func text(ofGUID bytes: [UInt8]) -> String {
        [
            bytes[0..<4].reversed(), bytes[4..<6].reversed(), bytes[6..<8].reversed(), Array(bytes[8..<10]),
            Array(bytes[10..<16]),
        ].map(hexadecimal).joined(separator: "-")
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func lowercase(_ letter: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(letter) ? letter | 0x20 : letter
    }
}
