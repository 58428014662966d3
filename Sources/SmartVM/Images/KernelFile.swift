internal import FirecrackerClient
internal import Glibc
internal import Linux

/// Kernels as files: judging what a user gives, and taking the ELF out of what a distribution ships.
public enum KernelFile {
    /// A kernel that a VMM can start, made of the one at `path`: the file itself if it is an ELF; the ELF inside if it is a bzImage
    /// (`vmlinuz`), unpacked once into `cache` and found there the next time.
    ///
    /// - Parameters:
    ///   - path: An ELF or a bzImage.
    ///   - cache: A directory that exists; only used for a bzImage.
    /// - Throws: `INVALID_KERNEL` in a sentence that says what the file is instead.
    public static func executable(from path: String, cache: String) async throws -> String {
        switch try recognize(path) {
        case .elf(let elf):
            try check(elf, path)
            return path
        case .bzImage:
            do {
                return try await unpackOnce(path, into: cache)
            } catch let error as Errno {
                if error == .noSpace { throw SmartVMError.noSpace(at: cache, underlying: error) }
                throw SmartVMError(
                    .invalidKernel, "The kernel \(path) cannot be unpacked into \(cache): \(error).", underlying: error)
            }
        case .compressed(let compression):
            throw invalid(
                path, "is compressed with \(compression.rawValue)",
                cure: "Unpack it with \(compression.tool.name) -d first.")
        case .efi:
            throw invalid(path, "is an EFI executable without a Linux setup header", cure: elfCure)
        case .unknown:
            throw invalid(path, "is neither an ELF executable nor a bzImage", cure: elfCure)
        }
    }

    /// The ELF in a bzImage: the one in the cache, or a new one there. Those of a few kernels are kept.
    private static func unpackOnce(_ path: String, into cache: String) async throws -> String {
        let status = try FileStatus(of: path)
        // Another content at the same place has another change time.
        let name = "vmlinux-\(status.device)-\(status.inode)-\(status.size)-\(status.changed)"
        let unpacked = "\(cache)/\(name)"
        if File.exists(unpacked) { return unpacked }
        let lock = try await ImageLock(path: "\(cache)/.lock")
        defer { withExtendedLifetime(lock) {} }
        if File.exists(unpacked) { return unpacked }
        // What stands in this directory has been left by one that was killed.
        let scratch = "\(cache)/.unpacking"
        try FileTree.removeAll(scratch)
        try FileTree.makeDirectory(scratch)
        defer { try? FileTree.removeAll(scratch) }
        try await unpack(path, to: "\(scratch)/vmlinux")
        try File.synchronize("\(scratch)/vmlinux")
        try File.move("\(scratch)/vmlinux", to: unpacked)
        try RecentFiles.keep(3, in: cache, named: "vmlinux-", besides: unpacked)
        return unpacked
    }

    /// Takes the ELF out of a bzImage.
    ///
    /// - Throws: `INVALID_KERNEL` if `path` is no bzImage, or one that is damaged.
    static func unpack(_ path: String, to destination: String) async throws {
        guard case .bzImage(let payload) = try recognize(path) else {
            throw invalid(path, "is not a bzImage", cure: nil)
        }
        let bytes = try readRange(path, offset: payload.offset, length: payload.length)
        guard let compression = Compression(magic: bytes) else {
            throw invalid(path, "holds a kernel that is packed in no known way", cure: elfCure)
        }
        // The size of the ELF ends the payload. gzip's format has it anyway; for the others the kernel's build appends it.
        let size = Int64(bytes.little32(bytes.count - 4))
        let packed = compression == .gzip ? bytes : bytes.dropLast(4)
        let packedFile = "\(destination).\(compression.suffix)"
        // Some programs remove it, some leave it.
        defer { try? FileTree.removeAll(packedFile) }
        do {
            try File.write(packed, to: packedFile)
            try await compression.unpack(into: destination)
        } catch let error as Errno where error == .noSpace {
            throw SmartVMError.noSpace(at: destination, underlying: error)
        }
        guard try FileStatus(of: destination).size == size, case .elf(let elf) = try recognize(destination) else {
            throw invalid(path, "is damaged: what it unpacks to is not the ELF that its header announces", cure: nil)
        }
        try check(elf, path)
    }

    /// What the file at `path` is.
    static func recognize(_ path: String) throws(SmartVMError) -> KernelImage {
        let header: [UInt8]
        let status: FileStatus
        do throws(Errno) {
            status = try FileStatus(of: path)
            guard status.kind == .file else {
                throw .invalidArgument
            }
            header = try readRange(path, offset: 0, length: KernelImage.headerLength)
        } catch {
            let cause = error == .invalidArgument ? "it is not a regular file" : "\(error)"
            throw SmartVMError(.invalidKernel, "The kernel \(path) cannot be read: \(cause).", underlying: error)
        }
        do {
            return try KernelImage(header: header, fileSize: Int(status.size))
        } catch {
            throw invalid(path, "is a bzImage that cannot be used: \(error)", cure: nil)
        }
    }

    private static let elfCure =
        "Give an uncompressed vmlinux or a bzImage, or leave the kernel out to use that of the image."

    private static func check(_ elf: KernelImage.ELF, _ path: String) throws(SmartVMError) {
        guard elf.is64Bit, elf.isLittleEndian, elf.machine == hostMachine, elf.isExecutable else {
            let machine = elf.machine == hostMachine ? "" : " (machine \(elf.machine), not \(hostMachine))"
            throw invalid(
                path, "is an ELF file, but not an executable for this machine's architecture\(machine)", cure: elfCure)
        }
    }

    /// `EM_X86_64` or `EM_AARCH64`.
    private static var hostMachine: UInt16 {
        #if arch(x86_64)
            62
        #else
            183
        #endif
    }

    private static func invalid(_ path: String, _ what: String, cure: String?) -> SmartVMError {
        SmartVMError(.invalidKernel, "The kernel \(path) \(what).", cure: cure)
    }

    private static func readRange(_ path: String, offset: Int, length: Int) throws(Errno) -> [UInt8] {
        let file = try Descriptor.open(path, O_RDONLY)
        return try file.read(at: offset, upTo: length)
    }
}
