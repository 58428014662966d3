/// A compression that kernels are packed with, by its magic number.
enum Compression: String, Hashable, Sendable {
    case gzip, bzip2, lzma, xz, lzo, lz4, zstd

    init?(magic bytes: [UInt8]) {
        let known: [([UInt8], Compression)] = [
            ([0x1f, 0x8b], .gzip), ([0x42, 0x5a, 0x68], .bzip2), ([0x5d, 0x00, 0x00], .lzma),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], .xz), ([0x89, 0x4c, 0x5a, 0x4f], .lzo),
            ([0x02, 0x21, 0x4c, 0x18], .lz4), ([0x04, 0x22, 0x4d, 0x18], .lz4), ([0x28, 0xb5, 0x2f, 0xfd], .zstd),
        ]
        guard let match = known.first(where: { bytes.starts(with: $0.0) }) else { return nil }
        self = match.1
    }

    /// What its program ends the names of packed files with.
    var suffix: String {
        switch self {
        case .gzip: "gz"
        case .bzip2: "bz2"
        case .lzma: "lzma"
        case .xz: "xz"
        case .lzo: "lzo"
        case .lz4: "lz4"
        case .zstd: "zst"
        }
    }

    /// Debian's program for it.
    var tool: Tool {
        let (name, package) =
            switch self {
            case .gzip: ("gzip", "gzip")
            case .bzip2: ("bzip2", "bzip2")
            case .lzma, .xz: ("xz", "xz-utils")
            case .lzo: ("lzop", "lzop")
            case .lz4: ("lz4", "lz4")
            case .zstd: ("zstd", "zstd")
            }
        return Tool(name: name, purpose: "unpack what is compressed with \(rawValue)", package: package)
    }

    /// Unpacks `path.suffix` into `path`. Some programs remove the packed file, some leave it.
    func unpack(into path: String) async throws {
        let packed = "\(path).\(suffix)"
        // lz4 alone would write to standard output when that is no terminal.
        try await tool.run(["-d", "-q", "-f", packed] + (self == .lz4 ? [path] : []))
    }
}
