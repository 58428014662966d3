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
    func violations(arch expected: String, isLocal: Bool, limit: Int64) -> [String] {
        var violations: [String] = []
        if schemaVersion != 1 { violations.append("schemaVersion is \(schemaVersion), and only 1 is known") }
        if (try? ImageDirectory(checking: bundleId, in: "")) == nil {
            violations.append("bundleId '\(bundleId)' is no name of an image")
        } else if (BaseImagePreset.all + [.hosted]).contains(BaseImagePreset(rawValue: bundleId)) {
            violations.append("bundleId '\(bundleId)' is the name of a preset")
        }
        if arch != expected { violations.append("arch is '\(arch)', not '\(expected)'") }
        let version = firecrackerVersion.hasPrefix("v") ? firecrackerVersion.dropFirst() : firecrackerVersion[...]
        if NumericVersion(version, parts: 2...3) == nil {
            violations.append("firecrackerVersion '\(firecrackerVersion)' is not like v1.15.1")
        }
        if !Self.rootfsTypes.contains(rootfsType) {
            violations.append("rootfsType '\(rootfsType)' is not \(Self.rootfsTypes.joined(separator: ", "))")
        }
        if let bootArgs {
            if bootArgs.utf8.count > Self.bootArgsLimit {
                violations.append("bootArgs has more than \(Self.bootArgsLimit) bytes")
            }
            if bootArgs.utf8.contains(where: { $0 < 0x20 }) { violations.append("bootArgs has control characters") }
        }
        violations += kernel.violations("kernel", isLocal, limit) + rootfs.violations("rootfs", isLocal, limit)
        violations += initrd?.violations("initrd", isLocal, limit) ?? []
        if kernelFileName == rootfsFileName { violations.append("kernel and rootfs have the same fileName") }
        return violations
    }

    /// - Throws: `INVALID_BASE_IMAGE_MANIFEST` with all that is wrong.
    func validate(arch: String, isLocal: Bool, limit: Int64, source: String) throws(SmartVMError) {
        let violations = violations(arch: arch, isLocal: isLocal, limit: limit)
        guard violations.isEmpty else {
            throw SmartVMError(
                .invalidImageManifest, "The manifest \(source) cannot be used: \(violations.joined(separator: "; ")).")
        }
    }

    var kernelFileName: String { kernel.fileName ?? "vmlinux" }
    var rootfsFileName: String { rootfs.fileName ?? "rootfs.\(rootfsType)" }
}

extension BaseImageHostedManifest.Artifact {
    fileprivate func violations(_ name: String, _ isLocal: Bool, _ limit: Int64) -> [String] {
        var violations: [String] = []
        switch (path, url) {
        case (nil, nil): violations.append("\(name) has neither a path nor a url")
        case (_?, _?): violations.append("\(name) has both a path and a url")
        case (let path?, nil):
            if !isLocal {
                violations.append("\(name).path: a manifest from elsewhere may not name files of this machine")
            }
            if path.isEmpty || path.utf8.contains(0) { violations.append("\(name).path is not a path") }
        case (nil, let url?):
            do throws(SmartVMError) { _ = try HTTPURL(url) } catch {
                violations.append("\(name).url: \(error.message)")
            }
            if sha256 == nil { violations.append("\(name).sha256 is missing, which a url must have") }
        }
        if let sha256, Checksum.normalized(sha256) == nil {
            violations.append("\(name).sha256 '\(sha256)' is not 64 hexadecimal digits")
        }
        if let sizeBytes {
            if sizeBytes <= 0 { violations.append("\(name).sizeBytes is \(sizeBytes)") }
            if sizeBytes > limit {
                violations.append("\(name).sizeBytes is \(sizeBytes), and a file may have \(limit) bytes at most")
            }
        }
        if let fileName, !ImageDirectory.isArtifactName(fileName) {
            violations.append("\(name).fileName '\(fileName)' is not a plain name of a file")
        }
        return violations
    }
}
