/// Where an archive goes: bytes are put into room that it lends, so that a file is read to where it is sent from.
public protocol ArchiveSink: AnyObject {
    /// Room for at least one byte, valid until the next call.
    func room() throws(TransferError) -> UnsafeMutableRawBufferPointer
    /// The first `count` bytes of the room are part of the archive now.
    func commit(_ count: Int) throws(TransferError)
}

/// Where an archive comes from.
public protocol ArchiveSource: AnyObject {
    /// The next bytes, at most `limit`, valid until the next call; none: the end.
    func next(upTo limit: Int) throws(TransferError) -> UnsafeRawBufferPointer
}

extension ArchiveSink {
    func write(_ bytes: [UInt8]) throws(TransferError) {
        var offset = 0
        while offset < bytes.count {
            let room = try room()
            let count = min(room.count, bytes.count - offset)
            room.copyBytes(from: bytes[offset..<(offset + count)])
            try commit(count)
            offset += count
        }
    }

    func writeZeros(_ count: Int64) throws(TransferError) {
        var left = count
        while left > 0 {
            let room = try room()
            let count = Int(min(Int64(room.count), left))
            UnsafeMutableRawBufferPointer(rebasing: room[..<count]).initializeMemory(as: UInt8.self, repeating: 0)
            try commit(count)
            left -= Int64(count)
        }
    }
}

extension ArchiveSource {
    /// Exactly so many bytes, or as many as there are.
    func bytes(_ count: Int) throws(TransferError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let piece = try next(upTo: count - bytes.count)
            if piece.isEmpty { break }
            bytes.append(contentsOf: piece)
        }
        return bytes
    }
}

/// An archive of bytes in memory, for small ones and for tests.
public final class ArchiveBuffer: ArchiveSink, ArchiveSource {
    /// All that was written, or is to be read.
    public private(set) var bytes: [UInt8]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    private var offset = 0

    /// - Parameter bytes: What is to be read. Default: nothing yet.
    public init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    deinit {
        buffer.deallocate()
    }

    /// 64 KiB.
    public func room() -> UnsafeMutableRawBufferPointer { buffer }

    /// Appends what is in the room.
    public func commit(_ count: Int) {
        bytes.append(contentsOf: buffer[..<count])
    }

    /// The next bytes that were not read yet.
    public func next(upTo limit: Int) -> UnsafeRawBufferPointer {
        let count = min(limit, buffer.count, bytes.count - offset)
        buffer.copyBytes(from: bytes[offset..<(offset + count)])
        offset += count
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }
}
