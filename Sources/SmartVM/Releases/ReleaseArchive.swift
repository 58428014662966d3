internal import FirecrackerClient
internal import Linux

/// A release as it is published: `firecracker-v1.16.1-x86_64.tgz`, with the programs in `release-v1.16.1-x86_64/`.
struct ReleaseArchive: Sendable {
    let tag: ReleaseTag
    let arch: String

    private static let tar = Tool(name: "tar", purpose: "unpack a release of Firecracker", package: "tar")
    /// The programs that are taken out of it.
    static let programs = ["firecracker", "jailer"]
    /// Bytes that an archive may have; those of today have 10 MB.
    static let sizeLimit: Int64 = 512 << 20

    var fileName: String { "firecracker-\(tag)-\(arch).tgz" }
    private var directoryName: String { "release-\(tag)-\(arch)" }

    /// Reads the published digest: a line of sha256sum(1).
    ///
    /// - Throws: `CHECKSUM_MISSING` if it holds none for this file.
    func digest(in text: [UInt8]) throws(SmartVMError) -> String {
        for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "*" })
            guard let first = fields.first, let digest = Checksum.normalized(first) else { continue }
            if fields.count == 1 || fields[1].split(separator: "/").last.map(String.init) == fileName { return digest }
        }
        throw SmartVMError(.checksumMissing, "\(fileName).sha256.txt holds no SHA-256 of \(fileName).")
    }

    /// Takes the programs out of the archive.
    ///
    /// - Parameter directory: Existing and empty; gets the programs, mode 0755.
    /// - Throws: `INVALID_FIRECRACKER_RELEASE` for an archive that has a member outside of itself, or not the programs; `NO_SPACE`.
    func unpack(_ archive: String, into directory: String) async throws {
        let listing: String
        do {
            listing = try await Self.tar.run(["--list", "--gzip", "--file", archive])
        } catch let error as SmartVMError where error.code == .programFailed {
            throw unfit("it cannot be unpacked: \(error.message)")
        }
        let members = listing.split(separator: "\n").map(String.init)
        if let stray = members.first(where: { $0.hasPrefix("/") || $0.split(separator: "/").contains("..") }) {
            throw unfit("its member \(stray) leads out of it")
        }
        let wanted = Self.programs.map { "\(directoryName)/\($0)-\(tag)-\(arch)" }
        for name in wanted where members.count(where: { $0 == name }) != 1 { throw unfit("it has not one \(name)") }

        // Only what is named is unpacked, so that no other member can be a link that these are written through.
        let scratch = "\(directory)/.unpacked"
        try FileTree.makeDirectory(scratch, mode: 0o700)
        do {
            try await Self.tar.run(
                [
                    "--extract", "--gzip", "--file", archive, "--directory", scratch, "--no-same-owner",
                    "--no-same-permissions", "--",
                ] + wanted)
        } catch let error as SmartVMError where error.code == .programFailed {
            throw unfit("it cannot be unpacked: \(error.message)")
        }
        for (program, name) in zip(Self.programs, wanted) {
            let path = "\(scratch)/\(name)"
            guard let status = try? FileStatus(of: path, followingLinks: false), status.kind == .file, status.size > 0
            else { throw unfit("its \(name) is not a program") }
            try FileTree.setMode(path, 0o755)
            try File.move(path, to: "\(directory)/\(program)")
        }
        try FileTree.removeAll(scratch)
    }

    private func unfit(_ why: String) -> SmartVMError {
        SmartVMError(.invalidRelease, "The archive \(fileName) cannot be used: \(why).")
    }
}
