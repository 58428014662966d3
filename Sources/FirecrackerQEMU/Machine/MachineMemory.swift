internal import Glibc
internal import Linux

/// The guest's memory: a file that QEMU has mapped, and what of it is to be saved.
///
/// Theory of operation. A machine that boots has an unnamed file of its own, mapped shared: the file is the memory, holes are what
/// was never touched. A machine that comes from a snapshot has the snapshot's memory file, mapped privately: the file is never
/// written, never copied, and its pages are shared by all machines that came from it; the pages that this one has written to are
/// QEMU's own, and are told by /proc/PID/pagemap. So saving is copying stretches, each from where it is.
///
/// What has changed since the last time is known page by page: a page that QEMU does not own is as it was loaded; for all others a
/// fingerprint is kept of what was saved. (QEMU tells nobody what it logs of written pages, and the kernel's own tracking is not
/// in every kernel.)
final class MachineMemory {
    /// In bytes.
    let size: Int
    /// Whether the file belongs to a snapshot.
    let isPrivate: Bool
    private let file: Descriptor
    /// What each page held when it was last saved, 0 for one that was not. Empty while changes are not tracked.
    private var fingerprints: [UInt64] = []
    /// Whether the memory was saved before.
    private var wasSaved = false
    /// The fingerprints of what was written but not confirmed.
    private var unconfirmed: [UInt64]?
    /// What was there at the beginning, if it did not begin empty: a saved difference must tell of all of it.
    private var inherited: [Range<Int>] = []
    private let seed = UInt64.random(in: 1 ... .max)

    /// Memory that nothing has been written to.
    init(size: Int, tracksChanges: Bool) throws(Errno) {
        self.size = size
        isPrivate = false
        file = try SparseFile.inMemory("guest-memory", size: size)
        if tracksChanges { track() }
    }

    /// Memory that a snapshot left.
    ///
    /// - Parameter file: Open for reading and writing, and at least as long as `size`. It is duplicated.
    init(snapshot file: Int32, size: Int, tracksChanges: Bool) throws(Errno) {
        self.size = size
        isPrivate = true
        self.file = try Descriptor.duplicate(file)
        if tracksChanges { track() }
    }

    /// For QEMU to map.
    var descriptor: Int32 { file.rawValue }

    private func track() {
        fingerprints = [UInt64](repeating: 0, count: size / ProcessPages.pageSize)
    }

    /// Copies what another machine had.
    ///
    /// - Parameter offset: Where it begins in the file.
    func fill(from source: Int32, at offset: Int) throws(Errno) {
        let ranges = try SparseFile.dataRanges(of: source, size: offset + size)
            .filter { $0.upperBound > offset }.map { max(offset, $0.lowerBound)..<$0.upperBound }
        let job = MemoryCopy(
            source: source, process: nil, target: file.rawValue, shift: -offset, skipsZeros: true, tracks: false,
            comparesFingerprints: false, seed: seed)
        try job.run(ranges.map { .init(range: $0, address: nil) }, .init(start: nil, count: 0))
        inherited = ranges.map { ($0.lowerBound - offset)..<($0.upperBound - offset) }
    }

    // MARK: Saving

    /// Writes the memory, or what changed, to a file of the memory's length; nothing may run meanwhile. It counts as saved only
    /// after ``confirmSave()``: a file that did not come about is nothing to build a difference on.
    ///
    /// - Parameters:
    ///   - target: Where nothing is written, its content stays.
    ///   - offset: Where the memory begins in it.
    ///   - changesOnly: Without tracking all that was touched counts as changed.
    ///   - process: QEMU.
    func save(to target: Int32, at offset: Int = 0, changesOnly: Bool, process: Int32) throws(Errno) {
        let job = MemoryCopy(
            source: file.rawValue, process: ProcessMemory(pid: process), target: target, shift: offset,
            // A page of zeros need not be written where nothing was, but a change to zeros must be told.
            skipsZeros: !changesOnly || !isPrivate && !wasSaved && inherited.isEmpty, tracks: !fingerprints.isEmpty,
            comparesFingerprints: changesOnly && wasSaved && !fingerprints.isEmpty,
            seed: seed)
        var stretches = try self.stretches(of: process, ownOnly: changesOnly)
        if changesOnly, wasSaved, !isPrivate, !fingerprints.isEmpty {
            stretches += vanished(besides: stretches)
        } else if changesOnly {
            let present = stretches.map(\.range)
            for range in inherited {
                stretches += range.subtracting(present).map { .init(range: $0, address: nil) }
            }
        }
        var fingerprints = fingerprints
        try fingerprints.withUnsafeMutableBufferPointer { (fingerprints) throws(Errno) in
            try job.run(stretches, fingerprints)
        }
        unconfirmed = fingerprints
    }

    /// What was last written is where it is to stay.
    func confirmSave() {
        guard let saved = unconfirmed else { return }
        fingerprints = saved
        unconfirmed = nil
        wasSaved = true
    }

    private func stretches(of process: Int32, ownOnly: Bool) throws(Errno) -> [MemoryCopy.Stretch] {
        guard isPrivate else {
            return try SparseFile.dataRanges(of: file.rawValue, size: size).map { .init(range: $0, address: nil) }
        }
        let pages = ProcessPages(pid: process)
        guard let address = try pages.address(ofFile: file.rawValue, size: size) else { throw .badAddress }
        let own = try pages.writtenRanges(from: address, size: size)
        var stretches = own.map { MemoryCopy.Stretch(range: $0, address: address + UInt($0.lowerBound)) }
        if !ownOnly {
            for range in try SparseFile.dataRanges(of: file.rawValue, size: size) {
                for rest in range.subtracting(own) { stretches.append(.init(range: rest, address: nil)) }
            }
        }
        return stretches
    }

    /// Pages that were saved and have been given back since: they are zeros now.
    private func vanished(besides stretches: [MemoryCopy.Stretch]) -> [MemoryCopy.Stretch] {
        (0..<size).subtracting(stretches.map(\.range)).flatMap { hole in
            stride(from: hole.lowerBound, to: hole.upperBound, by: ProcessPages.pageSize)
                .filter { fingerprints[$0 / ProcessPages.pageSize] != 0 }
                .map { .init(range: $0..<($0 + ProcessPages.pageSize), address: nil) }
        }
    }
}

extension Range<Int> {
    /// What is left without others, which are sorted and do not overlap.
    func subtracting(_ others: [Range<Int>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = lowerBound
        // The first that ends behind the beginning.
        var low = 0
        var high = others.count
        while low < high {
            let middle = (low + high) / 2
            if others[middle].upperBound <= start { low = middle + 1 } else { high = middle }
        }
        for other in others[low...] {
            guard other.lowerBound < upperBound else { break }
            if other.lowerBound > start { result.append(start..<other.lowerBound) }
            start = Swift.max(start, other.upperBound)
        }
        if start < upperBound { result.append(start..<upperBound) }
        return result
    }
}
