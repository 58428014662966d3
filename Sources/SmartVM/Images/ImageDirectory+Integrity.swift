internal import FirecrackerClient
internal import Linux

/// Whether an image's files are still what they were.
extension ImageDirectory {
    /// Compares the files with the digests in the manifest.
    ///
    /// - Parameter readingAll: Also reads files that cannot have changed since they were last compared.
    /// - Returns: False if one of them differs, or if the manifest has no digests.
    func isIntact(_ bundle: BaseImageBundle, readingAll: Bool, steps: ImageSteps) async throws -> Bool {
        guard let checksums = bundle.checksums else { return false }
        let before = VerifiedFiles(in: path)
        var verified = before
        var files = [(bundle.kernelImagePath, checksums.kernelSha256), (bundle.rootfsPath, checksums.rootfsSha256)]
        if let initrd = bundle.initrdPath {
            guard let sha256 = checksums.initrdSha256 else { return false }
            files.append((initrd, sha256))
        }
        for (file, sha256) in files {
            guard let name = file.split(separator: "/").last.map(String.init) else { return false }
            if !readingAll, before.has(name, sha256: sha256, in: path) { continue }
            guard try await isUnchanged(file, sha256, steps) else { return false }
            try verified.add(name, sha256: sha256, in: path)
        }
        // That it cannot be written costs the next one time, no more.
        if verified != before { try? verified.write(in: path) }
        return true
    }

    /// - Throws: only what `steps` does, and `CancellationError`: a file that cannot be read has no digest.
    private func isUnchanged(_ file: String, _ sha256: String, _ steps: ImageSteps) async throws -> Bool {
        let size = try? FileStatus(of: file).size
        try steps.begin("Comparing \(file) with its checksum", upTo: 0)
        do {
            return try await Checksum.sha256(ofFile: file) { try? steps.within(bytes: $0, of: size) } == sha256
        } catch is Errno {
            return false
        }
    }
}
