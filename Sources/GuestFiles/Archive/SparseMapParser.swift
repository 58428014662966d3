/// The map in front of a sparse file's data: decimal numbers, one to a line, the count of segments first.
struct SparseMapParser {
    private var numbers: [Int64] = []
    private var digits: [UInt8] = []

    /// Whether all that the first number announces is there.
    var isComplete: Bool {
        guard let count = numbers.first else { return false }
        return numbers.count == Int(count) * 2 + 1
    }

    /// Takes one block; what follows the last number in it is filling.
    mutating func take(_ block: [UInt8]) throws(TransferError) {
        for byte in block where !isComplete {
            if byte == UInt8(ascii: "\n") {
                guard let number = Int64(String(decoding: digits, as: UTF8.self)), number >= 0 else {
                    throw .malformed("a number in a sparse map is none")
                }
                guard !numbers.isEmpty || number <= Int64(ArchiveFormat.maximumSegments) else {
                    throw .malformed("a sparse map is too long")
                }
                numbers.append(number)
                digits = []
            } else {
                digits.append(byte)
                guard digits.count < 20 else { throw .malformed("a number in a sparse map is none") }
            }
        }
    }

    /// The segments, if they follow one another within the file.
    func segments(fileSize: Int64) throws(TransferError) -> [Range<Int64>] {
        var segments: [Range<Int64>] = []
        var end: Int64 = 0
        for index in stride(from: 1, to: numbers.count, by: 2) {
            let (offset, length) = (numbers[index], numbers[index + 1])
            guard offset >= end, offset <= fileSize, length <= fileSize - offset else {
                throw .malformed("the segments of a sparse map lie wrong")
            }
            end = offset + length
            segments.append(offset..<end)
        }
        return segments
    }
}
