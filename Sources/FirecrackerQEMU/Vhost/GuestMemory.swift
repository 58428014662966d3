internal import Linux

/// The memory that holds a guest's rings and buffers, by QEMU's addresses.
protocol GuestMemory {
    /// Copies between stretches of equal length in sum, in their order. False if not all of it could be copied.
    func fill(_ local: UnsafeBufferPointer<MemorySpan>, from remote: UnsafeBufferPointer<MemorySpan>) -> Bool
    func store(_ local: UnsafeBufferPointer<MemorySpan>, to remote: UnsafeBufferPointer<MemorySpan>) -> Bool
}

extension GuestMemory {
    /// Fills a buffer from stretches that are as long in sum.
    func fill(_ buffer: UnsafeMutableRawBufferPointer, from remote: [MemorySpan]) -> Bool {
        guard !buffer.isEmpty else { return true }
        let local = MemorySpan(address: UInt(bitPattern: buffer.baseAddress), count: buffer.count)
        return withUnsafePointer(to: local) { local in
            remote.withUnsafeBufferPointer { fill(UnsafeBufferPointer(start: local, count: 1), from: $0) }
        }
    }
}

extension ProcessMemory: GuestMemory {
    func fill(_ local: UnsafeBufferPointer<MemorySpan>, from remote: UnsafeBufferPointer<MemorySpan>) -> Bool {
        let wanted = remote.reduce(0) { $0 + $1.count }
        do throws(Errno) {
            return try read(into: local, from: remote) == wanted
        } catch {
            return false
        }
    }

    func store(_ local: UnsafeBufferPointer<MemorySpan>, to remote: UnsafeBufferPointer<MemorySpan>) -> Bool {
        let wanted = remote.reduce(0) { $0 + $1.count }
        do throws(Errno) {
            return try write(from: local, to: remote) == wanted
        } catch {
            return false
        }
    }
}
