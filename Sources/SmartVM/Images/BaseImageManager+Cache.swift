public import FirecrackerClient
internal import Linux

/// What is there.
extension BaseImageManager {
    /// An image that is there.
    ///
    /// - Throws: `INVALID_IMAGE_NAME`, `IMAGE_NOT_FOUND`, `INVALID_BASE_IMAGE_MANIFEST`.
    public func image(named name: String) throws(SmartVMError) -> BaseImageBundle {
        try checkCache()
        return try ImageDirectory(checking: name, in: cacheDir).bundle()
    }

    /// The names of all images that are there, those that cannot be understood included.
    public func names() -> [String] {
        imageDirectories().map(\.name)
    }

    /// All images that are there, by name. What cannot be understood is left out.
    public func list() throws(SmartVMError) -> [BaseImageBundle] {
        imageDirectories().compactMap { try? $0.bundle() }
    }

    /// Bytes that an image takes on the disk.
    public func size(of bundle: BaseImageBundle) -> Int64 {
        (try? FileTree.diskUsage(of: bundle.bundleDir)) ?? 0
    }

    /// Reads all files of an image and compares them with their checksums.
    ///
    /// - Returns: False if one of them differs, or if it has no checksums.
    /// - Throws: `INVALID_IMAGE_NAME`, `IMAGE_NOT_FOUND`, `INVALID_BASE_IMAGE_MANIFEST`; `CancellationError`.
    public func verify(
        named name: String, progress: @escaping ImageProgress.Handler = { _ in }
    ) async throws -> Bool {
        let directory = try ImageDirectory(checking: name, in: cacheDir)
        return try await directory.isIntact(try directory.bundle(), readingAll: true, steps: ImageSteps(progress))
    }

    /// The names of the sandboxes that are made with an image, by its name or by that of the preset that it is the newest of.
    func users(of directory: ImageDirectory) throws(SmartVMError) -> [String] {
        var names = try namesOfUsers(directory.name)
        if let preset = (try? directory.readManifest())?.preset, preset.rawValue != directory.name {
            let siblings = imageDirectories().compactMap { try? $0.readManifest() }.filter { $0.preset == preset }
            if siblings.max(by: { $0.createdAt < $1.createdAt })?.bundleId == directory.name {
                names += try namesOfUsers(preset.rawValue)
            }
        }
        return names
    }

    /// Removes an image. VMs that run and do not stay keep the files that they have open.
    ///
    /// - Throws: `IMAGE_IN_USE` with the names of the sandboxes that are made with it, whether they run or not; `INVALID_IMAGE_NAME`,
    ///   `IMAGE_NOT_FOUND`; `DATA_DIRECTORY_UNUSABLE`.
    public func remove(named name: String) async throws {
        let directory = try ImageDirectory(checking: name, in: cacheDir)
        guard File.exists(directory.path) else { throw ImageDirectory.notFound(name) }
        let lock = try await directory.lock(steps: ImageSteps { _ in })
        defer { directory.settle(lock) }
        let users = try users(of: directory)
        guard users.isEmpty else {
            throw SmartVMError(
                .imageInUse, "The image \(name) is used by \(users.joined(separator: ", ")).",
                cure: "Remove what uses it first: smartvm rm \(users.joined(separator: " "))")
        }
        do throws(Errno) {
            try directory.remove()
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The image \(name) in \(cacheDir) cannot be removed: \(error).",
                underlying: error)
        }
    }

    /// Keeps an image from being evicted for as long as the result lives.
    ///
    /// - Throws: `IMAGE_NOT_FOUND` if it has gone since the bundle was got.
    public func use(_ bundle: BaseImageBundle) throws(SmartVMError) -> BaseImageUse {
        try BaseImageUse(bundle)
    }

    /// Evicts fetched images, the ones that were not used for longest first, until ``maxStoredBaseImages`` are left. Those that are in
    /// use, or being worked on, stay even if there are more then.
    ///
    /// - Parameter name: One that stays whatever its age.
    /// - Returns: The names of those that went.
    @discardableResult
    public func pruneBaseImageCache(keeping name: String? = nil) async throws -> [String] {
        let fetched = imageDirectories().compactMap { directory -> (directory: ImageDirectory, lastUse: String)? in
            // One that nobody can use goes first.
            guard let bundle = try? directory.readManifest() else {
                return directory.name == BaseImagePreset.minimal.rawValue ? nil : (directory, "")
            }
            guard bundle.preset != .minimal else { return nil }
            return (directory, bundle.lastAccessedAt)
        }
        var excess = fetched.count - maxStoredBaseImages
        var evicted: [String] = []
        // Times of one form are ordered as their texts are.
        for (directory, _) in fetched.sorted(by: { $0.lastUse < $1.lastUse }) where directory.name != name {
            if excess <= 0 { break }
            guard evict(directory, of: fetched.count) else { continue }
            evicted.append(directory.name)
            excess -= 1
        }
        return evicted
    }

    private func evict(_ directory: ImageDirectory, of count: Int) -> Bool {
        guard let lock = directory.freeLock() else { return false }
        defer { directory.settle(lock) }
        // Whoever runs a VM from it has a lock on the directory, and who will run one is written down.
        guard (try? users(of: directory)) == [], let unused = try? FileLock(directory: directory.path, .exclusive),
            unused.isInPlace(directory.path),
            (try? directory.remove()) != nil
        else { return false }
        withExtendedLifetime(unused) {}
        warning(
            "Evicting \(directory.name): \(count) fetched base images are more than the \(maxStoredBaseImages) kept.")
        return true
    }

    /// All directories that could be images.
    func imageDirectories() -> [ImageDirectory] {
        ((try? FileTree.names(at: cacheDir)) ?? []).compactMap { try? ImageDirectory(checking: $0, in: cacheDir) }
    }
}
