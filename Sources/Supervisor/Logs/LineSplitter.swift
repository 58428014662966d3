/// Cuts a stream of bytes into lines, and lines that are too long into parts.
struct LineSplitter {
    /// Of a part.
    static let maximumLength = 16 << 10

    private var pending: [UInt8] = []

    /// Takes bytes as they come.
    ///
    /// - Parameter emit: Gets each line without its break, and each part with `isFull` false.
    mutating func feed(_ bytes: [UInt8], _ emit: (_ bytes: [UInt8], _ isFull: Bool) -> Void) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if let end = rest.firstIndex(of: 0x0a), pending.count + (end - rest.startIndex) <= Self.maximumLength {
                emit(pending + rest[..<end], true)
                pending = []
                rest = rest[(end + 1)...]
                continue
            }
            let room = Self.maximumLength - pending.count
            pending += rest.prefix(room)
            rest = rest.dropFirst(room)
            guard pending.count == Self.maximumLength, !rest.isEmpty else { continue }
            emit(pending, false)
            pending = []
        }
    }

    /// The stream has ended: what it printed after its last line break is a part.
    mutating func finish(_ emit: (_ bytes: [UInt8], _ isFull: Bool) -> Void) {
        if !pending.isEmpty { emit(pending, false) }
        pending = []
    }
}
