internal import Glibc
internal import Linux
internal import Synchronization

/// Copies stretches of a guest's memory into a file, on several threads.
///
/// One thread alone does not saturate memory: most of the time goes into the kernel's making of new pages.
struct MemoryCopy: Sendable {
    /// A stretch of whole pages.
    struct Stretch: Sendable {
        /// Offsets in the memory.
        var range: Range<Int>
        /// Where it is in QEMU's memory; nil: at the same offset of the source file.
        var address: UInt?
    }

    /// The file with the memory, or with what it was loaded from.
    var source: Int32
    /// Nil if nothing is in a process.
    var process: ProcessMemory?
    var target: Int32
    /// What is added to a place of the source for that of the target.
    var shift = 0
    /// Whether pages of zeros are left out.
    var skipsZeros: Bool
    /// Whether fingerprints are kept of what is written.
    var tracks: Bool
    /// Whether pages are left out that have the fingerprint of before.
    var comparesFingerprints: Bool
    /// Makes fingerprints that the guest cannot foresee: the same for all that are compared.
    var seed: UInt64

    private static let pageSize = ProcessPages.pageSize
    /// Small enough for a processor's own cache.
    private static let pieceSize = 256 << 10
    private static let maximumThreads = 4

    /// - Parameter fingerprints: One for each page of the memory, or none.
    func run(_ stretches: [Stretch], _ fingerprints: UnsafeMutableBufferPointer<UInt64>) throws(Errno) {
        let pieces = stretches.flatMap { stretch in
            stride(from: stretch.range.lowerBound, to: stretch.range.upperBound, by: Self.pieceSize).map { start in
                Stretch(
                    range: start..<min(start + Self.pieceSize, stretch.range.upperBound),
                    address: stretch.address.map { $0 + UInt(start - stretch.range.lowerBound) })
            }
        }
        let work = Work(self, pieces, fingerprints)
        let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        Self.run(work, helpers: min(processors, Self.maximumThreads, pieces.count) - 1)
        if let failure = work.failure.withLock({ $0 }) { throw failure }
    }

    /// Does the work here and on as many further threads as can be had.
    private static func run(_ work: Work, helpers: Int) {
        guard helpers > 0 else { return work.run() }
        do throws(Errno) {
            let thread = try Linux.Thread("memory-copy") { work.run() }
            run(work, helpers: helpers - 1)
            thread.join()
        } catch {
            work.run()
        }
    }

    // Shared by the threads: only one of them takes a piece, pieces do not overlap, and so no page has two of them write its
    // fingerprint. The buffer of the fingerprints belongs to the caller of `run`, which returns when all threads have ended.
    private final class Work: @unchecked Sendable {
        private let copy: MemoryCopy
        private let pieces: [Stretch]
        private let fingerprints: UnsafeMutableBufferPointer<UInt64>
        private let next = Atomic(0)
        let failure = Mutex<Errno?>(nil)

        init(_ copy: MemoryCopy, _ pieces: [Stretch], _ fingerprints: UnsafeMutableBufferPointer<UInt64>) {
            self.copy = copy
            self.pieces = pieces
            self.fingerprints = fingerprints
        }

        func run() {
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: MemoryCopy.pieceSize, alignment: MemoryCopy.pageSize)
            defer { buffer.deallocate() }
            do throws(Errno) {
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    guard index < pieces.count, failure.withLock({ $0 }) == nil else { return }
                    let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<pieces[index].range.count])
                    try copy.fill(piece, from: pieces[index])
                    try write(UnsafeRawBufferPointer(piece), at: pieces[index].range.lowerBound)
                }
            } catch {
                failure.withLock { $0 = error }
            }
        }

        /// Writes the pages of a piece that are to be written, neighbours together.
        private func write(_ piece: UnsafeRawBufferPointer, at offset: Int) throws(Errno) {
            var start: Int?
            for place in stride(from: 0, to: piece.count, by: MemoryCopy.pageSize) {
                let page = UnsafeRawBufferPointer(rebasing: piece[place..<(place + MemoryCopy.pageSize)])
                if isWanted(page, index: (offset + place) / MemoryCopy.pageSize) {
                    if start == nil { start = place }
                } else if let first = start {
                    try SparseFile.write(
                        UnsafeRawBufferPointer(rebasing: piece[first..<place]), to: copy.target,
                        at: offset + first + copy.shift)
                    start = nil
                }
            }
            if let first = start {
                try SparseFile.write(
                    UnsafeRawBufferPointer(rebasing: piece[first...]), to: copy.target, at: offset + first + copy.shift)
            }
        }

        private func isWanted(_ page: UnsafeRawBufferPointer, index: Int) -> Bool {
            var isChanged = true
            if copy.tracks {
                let fingerprint = PageContent.fingerprint(page, seed: copy.seed)
                isChanged = !copy.comparesFingerprints || fingerprints[index] != fingerprint
                fingerprints[index] = fingerprint
            }
            return isChanged && !(copy.skipsZeros && PageContent.isZero(page))
        }
    }

    /// Reads a piece.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, from piece: Stretch) throws(Errno) {
        if let address = piece.address, let process {
            let local = MemorySpan(address: UInt(bitPattern: buffer.baseAddress), count: buffer.count)
            let remote = MemorySpan(address: address, count: buffer.count)
            let result: Result<Int, Errno> = withUnsafePointer(to: local) { local in
                withUnsafePointer(to: remote) { remote in
                    do throws(Errno) {
                        return .success(
                            try process.read(
                                into: UnsafeBufferPointer(start: local, count: 1),
                                from: UnsafeBufferPointer(start: remote, count: 1)))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            guard try result.get() == buffer.count else { throw .badAddress }
            return
        }
        var filled = 0
        while filled < buffer.count {
            let start = filled
            let count = try systemCall {
                pread(
                    source, buffer.baseAddress.map { $0 + start }, buffer.count - start,
                    off_t(piece.range.lowerBound + start))
            }
            // Somebody has cut the file.
            guard count > 0 else { throw .inputOutput }
            filled += count
        }
    }
}
