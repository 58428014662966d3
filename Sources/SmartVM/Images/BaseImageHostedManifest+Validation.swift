internal import FirecrackerClient

/// A manifest comes from outside: nothing of it is believed before it has been looked at here, and nothing is made on the disk before.
extension BaseImageHostedManifest {
    static let rootfsTypes = ["ext4", "squashfs", "erofs"]
    /// Bytes of a command line that a kernel takes.
    private static let bootArgsLimit = 2047

    /// Everything that is wrong, in the form `kernel.sha256 is missing`; empty if nothing is.
    ///
    /// - Parameters:
    ///   - arch: What it must be for.
    ///   - isLocal: Whether the manifest lies on this machine, and may name files of it.
    ///   - limit: Bytes that a file may have.
    func problems(arch expected: String, isLocal: Bool, limit: Int64) -> [String] {
        var problems: [String] = []
        if schemaVersion != 1 { problems.append("schemaVersion is \(schemaVersion), and only 1 is known") }
        if (try? ImageDirectory(checking: bundleId, in: "")) == nil {
            problems.append("bundleId '\(bundleId)' is no name of an image")
        } else if (BaseImagePreset.all + [.hosted]).contains(BaseImagePreset(rawValue: bundleId)) {
            problems.append("bundleId '\(bundleId)' is the name of a preset")
        }
        if arch != expected { problems.append("arch is '\(arch)', not '\(expected)'") }
        let version = firecrackerVersion.hasPrefix("v") ? firecrackerVersion.dropFirst() : firecrackerVersion[...]
        if NumericVersion(version, parts: 2...3) == nil {
            problems.append("firecrackerVersion '\(firecrackerVersion)' is not like v1.15.1")
        }
        if !Self.rootfsTypes.contains(rootfsType) {
            problems.append("rootfsType '\(rootfsType)' is not \(Self.rootfsTypes.joined(separator: ", "))")
        }
        if let bootArgs {
            if bootArgs.utf8.count > Self.bootArgsLimit {
                problems.append("bootArgs has more than \(Self.bootArgsLimit) bytes")
            }
            if bootArgs.utf8.contains(where: { $0 < 0x20 }) { problems.append("bootArgs has control characters") }
        }
        problems += kernel.problems("kernel", isLocal, limit) + rootfs.problems("rootfs", isLocal, limit)
        problems += initrd?.problems("initrd", isLocal, limit) ?? []
        if kernelFileName == rootfsFileName { problems.append("kernel and rootfs have the same fileName") }
        return problems
    }

    /// - Throws: `INVALID_BASE_IMAGE_MANIFEST` with all that is wrong.
    func validate(arch: String, isLocal: Bool, limit: Int64, source: String) throws(SmartVMError) {
        let problems = problems(arch: arch, isLocal: isLocal, limit: limit)
        guard problems.isEmpty else {
            throw SmartVMError(
                .invalidImageManifest, "The manifest \(source) cannot be used: \(problems.joined(separator: "; ")).")
        }
    }

    var kernelFileName: String { kernel.fileName ?? "vmlinux" }
    var rootfsFileName: String { rootfs.fileName ?? "rootfs.\(rootfsType)" }
}

extension BaseImageHostedManifest.Artifact {
    fileprivate func problems(_ name: String, _ isLocal: Bool, _ limit: Int64) -> [String] {
        var problems: [String] = []
        switch (path, url) {
        case (nil, nil): problems.append("\(name) has neither a path nor a url")
        case (_?, _?): problems.append("\(name) has both a path and a url")
        case (let path?, nil):
            if !isLocal {
                problems.append("\(name).path: a manifest from elsewhere may not name files of this machine")
            }
            if path.isEmpty || path.utf8.contains(0) { problems.append("\(name).path is not a path") }
        case (nil, let url?):
            do throws(SmartVMError) { _ = try HTTPURL(url) } catch { problems.append("\(name).url: \(error.message)") }
            if sha256 == nil { problems.append("\(name).sha256 is missing, which a url must have") }
        }
        if let sha256, Checksum.normalized(sha256) == nil {
            problems.append("\(name).sha256 '\(sha256)' is not 64 hexadecimal digits")
        }
        if let sizeBytes {
            if sizeBytes <= 0 { problems.append("\(name).sizeBytes is \(sizeBytes)") }
            if sizeBytes > limit {
                problems.append("\(name).sizeBytes is \(sizeBytes), and a file may have \(limit) bytes at most")
            }
        }
        if let fileName, !ImageDirectory.isArtifactName(fileName) {
            problems.append("\(name).fileName '\(fileName)' is not a plain name of a file")
        }
        return problems
    }
}
