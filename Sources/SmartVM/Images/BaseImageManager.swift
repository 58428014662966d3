public import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// The images that VMs boot from, kept in one directory and shared by all of them.
///
/// Each image is a directory `NAME` with a manifest. It comes into being whole: everything is made or fetched in `.build-PID.NAME`,
/// written to the disk, and moved to its place by rename(2). A directory in its place is therefore complete, and what was left by whoever
/// was killed lies where nobody looks and where the next one clears it away. Those who make one image exclude each other by
/// a lock that the kernel releases with its holder; who waits for it uses what the other one has made.
///
/// There are three ways for an image to come. `minimal` is made on this machine of Debian's packages. `latest` and `lts` are fetched from
/// the bucket of Firecracker's CI; once one is there it is used without asking the bucket again. Hosted images are what a manifest
/// says. Of the fetched ones the cache keeps the last used few, and those that VMs run from (``BaseImageUse``).
///
/// Kernel, modules and root file system do not change once they are there; that they have not is seen by what the file system says of
/// them, and by reading them where that says that they could have. The initramfs does change, with the agent in it.
public struct BaseImageManager: Sendable {
    /// The directory that holds one directory per image.
    public let cacheDir: String
    /// How many fetched images are kept.
    public let maxStoredBaseImages: Int
    /// What images are for, unless an option says otherwise: `x86_64` or `aarch64`.
    public let arch: String
    let bucketUrl: String
    let maxArtifactBytes: Int64
    let warning: @Sendable (String) -> Void
    let environment: HostEnvironment
    let recipe: ImageBuilder.Recipe
    var downloader: Downloader
    /// The names of the VMs that are made with an image and may be started again. Default: nobody is known.
    var namesOfUsers: @Sendable (_ image: String) throws(SmartVMError) -> [String] = { _ in [] }

    /// Where the files of Firecracker's CI are published.
    public static let defaultBucketUrl = "https://s3.amazonaws.com/spec.ccfc.min"

    /// - Throws: `INVALID_BASE_IMAGE_CACHE_LIMIT` if no image at all could be kept; `INVALID_CONFIG` for an architecture that
    ///   Firecracker does not run on. Nothing is made or looked at on the disk before an image is needed.
    public init(
        _ options: BaseImageManagerOptions = .init(), environment: HostEnvironment = .current
    ) throws(SmartVMError) {
        guard options.maxStoredBaseImages >= 1 else {
            throw SmartVMError(
                .invalidImageCacheLimit, "maxStoredBaseImages is \(options.maxStoredBaseImages).",
                cure: "Give a number of at least 1.")
        }
        if let arch = options.arch { try Self.check(arch) }
        self.init(
            cacheDir: options.cacheDir.map { DataDirectory(path: $0).path } ?? Self.defaultCacheDir(environment),
            options: options, environment: environment, recipe: Self.minimalRecipe)
    }

    /// - Parameters:
    ///   - environment: Where programs are looked for. Default: that of this process.
    ///   - cacheDir: Made when it is needed.
    public init(cacheDir: String, environment: HostEnvironment = .current) {
        self.init(
            cacheDir: cacheDir, options: .init(), environment: environment, recipe: Self.minimalRecipe)
    }

    /// Those of a data directory.
    public init(_ dataDirectory: DataDirectory, environment: HostEnvironment = .current) {
        self.init(cacheDir: dataDirectory.imagesPath, environment: environment)
        knowUsers(in: dataDirectory)
    }

    /// Has the sandboxes of a data directory keep their images.
    mutating func knowUsers(in dataDirectory: DataDirectory) {
        let path = dataDirectory.databasePath
        let store = Store(path: path)
        namesOfUsers = { (image) throws(SmartVMError) in
            // Whoever looks at images alone makes no database.
            try File.exists(path) ? store.vmNames(usingImage: image) : []
        }
    }

    /// With another way to make what `minimal` is of.
    init(cacheDir: String, environment: HostEnvironment, recipe: @escaping ImageBuilder.Recipe) {
        self.init(cacheDir: cacheDir, options: .init(), environment: environment, recipe: recipe)
    }

    private init(
        cacheDir: String, options: BaseImageManagerOptions, environment: HostEnvironment,
        recipe: @escaping ImageBuilder.Recipe
    ) {
        self.cacheDir = cacheDir
        maxStoredBaseImages = options.maxStoredBaseImages
        arch = options.arch ?? HostArchitecture.name
        bucketUrl = options.bucketUrl ?? environment.value("SMARTVM_BUCKET_URL") ?? Self.defaultBucketUrl
        maxArtifactBytes = options.maxArtifactBytes
        warning = options.warning
        self.environment = environment
        self.recipe = recipe
        downloader = Downloader(environment: environment)
    }

    private static let minimalRecipe: ImageBuilder.Recipe = { bundle, scratch, progress in
        try await MinimalImage().make(in: bundle, scratch: scratch, progress: progress)
    }

    private static func defaultCacheDir(_ environment: HostEnvironment) -> String {
        let temporary = environment.value("TMPDIR") ?? "/tmp"
        return "\(temporary.hasSuffix("/") ? String(temporary.dropLast()) : temporary)/.smartvm/base-images"
    }

    static func check(_ arch: String) throws(SmartVMError) {
        guard HostArchitecture.all.contains(arch) else {
            throw SmartVMError(
                .invalidConfiguration, "'\(arch)' is no architecture that Firecracker runs on.",
                cure: "Give one of \(HostArchitecture.all.joined(separator: ", ")).")
        }
    }

    // MARK: - Getting an image

    /// The image of a preset, with this installation's agent: made or fetched now if it is not there.
    ///
    /// - Parameters:
    ///   - preset: Default: `minimal`.
    ///   - force: Makes it anew of Debian's packages of today, or fetches it anew, even if it is there. VMs that run keep the files that
    ///     they have open.
    ///   - verify: Compares all files with their checksums, and makes or fetches the image anew if they differ.
    ///   - progress: Receives reports while something is made; never called if nothing is to do.
    /// - Throws: what ``ensureBaseImage(_:progress:)`` does.
    public func ensureBaseImage(
        _ preset: BaseImagePreset = .minimal, force: Bool = false, verify: Bool = false,
        progress: @escaping ImageProgress.Handler = { _ in }
    ) async throws -> BaseImageBundle {
        try await ensureBaseImage(
            BaseImageOptions(preset: preset, force: force, verify: verify, includesAgent: true), progress: progress)
    }

    /// The image that the options name: made or fetched now if it is not there, or not what it was.
    ///
    /// - Parameters:
    ///   - options: Which image, and how hard it is looked at.
    ///   - progress: Receives reports while something is made or fetched; what it throws ends that.
    /// - Throws: `IMAGE_NOT_FOUND` for a preset that is not known; `INVALID_BASE_IMAGE_MANIFEST`, `BASE_IMAGE_MANIFEST_FAILED`;
    ///   `BASE_IMAGE_RESOLVE_FAILED`, `DOWNLOAD_FAILED`, `SIZE_MISMATCH`, `CHECKSUM_MISMATCH`, `INVALID_URL`, `INVALID_FILE`;
    ///   `IMAGE_BUILD_FAILED`, `PROGRAM_NOT_FOUND`, `PROGRAM_FAILED`, `GUEST_AGENT_NOT_FOUND`; `NO_SPACE`, `DATA_DIRECTORY_UNUSABLE`,
    ///   `INVALID_CONFIG`; `CancellationError`. Nothing that is half made or half fetched is taken for an image.
    public func ensureBaseImage(
        _ options: BaseImageOptions, progress: @escaping ImageProgress.Handler = { _ in }
    ) async throws -> BaseImageBundle {
        let steps = ImageSteps(progress)
        let hasManifest = options.manifestPath != nil || options.manifestUrl != nil
        let preset = options.preset ?? (hasManifest ? .hosted : .minimal)
        guard preset == .hosted || BaseImagePreset.all.contains(preset) else {
            throw ImageDirectory.notFound(preset.rawValue)
        }
        guard hasManifest == (preset == .hosted), options.manifestPath == nil || options.manifestUrl == nil else {
            throw SmartVMError(
                .imageManifestFailed,
                hasManifest
                    ? "A manifest is given by path or by URL, and only for the preset hosted."
                    : "The preset hosted needs a manifest.",
                cure: "Give manifestPath or manifestUrl.")
        }
        if let arch = options.arch { try Self.check(arch) }
        if preset == .minimal { return try await ensureMinimal(options, steps: steps) }
        do {
            try checkCache()
            let bundle =
                preset == .hosted
                ? try await ensureHosted(options, steps: steps)
                : try await ensurePublished(preset, options, steps: steps)
            return options.includesAgent ? try await withAgent(bundle, steps: steps) : withoutAgent(bundle)
        } catch {
            throw ImageDirectory.inUserTerms(error, cacheDir)
        }
    }

    /// What the name of an image means to whoever runs a VM: a preset, or an image that is there; with this installation's agent.
    ///
    /// - Throws: `INVALID_IMAGE_NAME`, `IMAGE_NOT_FOUND`, and what ``ensureBaseImage(_:progress:)`` does.
    public func ensureBaseImage(
        named name: String, progress: @escaping ImageProgress.Handler = { _ in }
    ) async throws -> BaseImageBundle {
        try checkCache()
        let preset = BaseImagePreset(rawValue: name)
        if BaseImagePreset.all.contains(preset) { return try await ensureBaseImage(preset, progress: progress) }
        let directory = try ImageDirectory(checking: name, in: cacheDir)
        let bundle = directory.touched(try directory.bundle())
        let steps = ImageSteps(progress)
        do {
            if bundle.checksums != nil, !(try await directory.isIntact(bundle, readingAll: false, steps: steps)) {
                throw directory.broken("a file of it is not what it was")
            }
            return try await withAgent(bundle, steps: steps)
        } catch {
            throw ImageDirectory.inUserTerms(error, cacheDir)
        }
    }

    private func ensureMinimal(_ options: BaseImageOptions, steps: ImageSteps) async throws -> BaseImageBundle {
        guard (options.arch ?? arch) == HostArchitecture.name else {
            throw SmartVMError(
                .imageNotFound,
                "The image minimal is made on this machine, for \(HostArchitecture.name) and not for \(options.arch ?? arch).",
                cure: "Use the preset latest for another architecture.")
        }
        try checkCache()
        let preset = BaseImagePreset.minimal
        let agent = try AgentBinary(environment)
        let directory = ImageDirectory(name: preset.rawValue, in: cacheDir)
        if !options.force, !options.verify, let bundle = try? directory.bundle(),
            bundle.agent?.identity == agent.identity, bundle.source.recipe == MinimalImage.recipe
        {
            return directory.touched(bundle)
        }

        try makeCache()
        let seen = try? directory.bundle().createdAt
        let lock = try await directory.lock(steps: steps)
        defer { directory.settle(lock) }
        do throws(Errno) { try directory.removeLitter() } catch { throw ImageDirectory.inUserTerms(error, cacheDir) }
        var bundle = try? directory.bundle()
        if options.verify, let found = bundle, !(try await directory.isIntact(found, readingAll: true, steps: steps)) {
            bundle = nil
        }
        // Who has waited while another one made it anew has what was asked for.
        if options.force, bundle?.createdAt == seen { bundle = nil }
        do {
            let builder = ImageBuilder(directory: directory, preset: preset, agent: agent, recipe: recipe)
            let built = try await builder.build(from: bundle, steps: steps)
            try? directory.removeLitter()
            return built
        } catch {
            try? directory.removeLitter()
            throw ImageDirectory.inUserTerms(error, cacheDir)
        }
    }

    /// Makes the directory of the images. One that others can write to could be given files that nobody asked for: in a directory
    /// that all may write to, as the default one is, it must be this user's own.
    func makeCache() throws(SmartVMError) {
        try DataDirectory.make(cacheDir)
        try checkCache()
    }

    /// Refuses what another user may have put where images are looked for.
    func checkCache() throws(SmartVMError) {
        guard File.exists(cacheDir) else { return }
        let parent = cacheDir[..<(cacheDir.lastIndex(of: "/") ?? cacheDir.startIndex)]
        for place in [cacheDir, String(parent)] where cacheDir.hasSuffix("/.smartvm/base-images") {
            guard let status = try? FileStatus(of: place, followingLinks: false), status.kind == .directory,
                status.owner == environment.user, status.mode & 0o022 == 0
            else {
                throw SmartVMError(
                    .dataDirectoryUnusable, "The directory \(place) is not this user's alone.",
                    cure: "Remove it, or choose another cacheDir.")
            }
        }
    }
}
