public import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// The images that SmartVM makes by itself, kept in one directory and shared by all VMs.
///
/// Each image is a directory `images/NAME` with a manifest. It comes into being whole: everything is made in `images/.build-PID.NAME`,
/// written to the disk, and moved to its place by rename(2). A directory in its place is therefore complete, and what a build that was
/// killed has left lies where nobody looks and where the next build clears it away. Builders of one image exclude each other by
/// a lock that the kernel releases with its holder; who waits for it uses what the other one has made.
///
/// Kernel, modules and root file system do not change once they are made. The initramfs does, with the agent in it: it is called by the
/// agent's digest, put together from the packed modules and the agent in a few milliseconds, and moved to its place in the same
/// way; so several versions of SmartVM share an image, and each boots its own agent.
public struct BaseImageManager: Sendable {
    /// The directory that holds one directory per image.
    public let cacheDir: String
    private let environment: HostEnvironment
    private let recipe: ImageBuilder.Recipe

    /// - Parameter cacheDir: Made when it is needed.
    public init(cacheDir: String, environment: HostEnvironment = .current) {
        self.init(cacheDir: cacheDir, environment: environment) { bundle, scratch, progress in
            try await MinimalImage().make(in: bundle, scratch: scratch, progress: progress)
        }
    }

    /// With another way to make what the image is of.
    init(cacheDir: String, environment: HostEnvironment, recipe: @escaping ImageBuilder.Recipe) {
        self.cacheDir = cacheDir
        self.environment = environment
        self.recipe = recipe
    }

    /// Those of a data directory.
    public init(_ dataDirectory: DataDirectory, environment: HostEnvironment = .current) {
        self.init(cacheDir: dataDirectory.imagesPath, environment: environment)
    }

    /// The image of a preset, with this installation's agent: made now if it is not there.
    ///
    /// - Parameters:
    ///   - force: Makes it anew of Debian's packages of today even if it is there. VMs that run keep the files that they have open.
    ///   - verify: Compares the files with their checksums, and makes the image anew if they differ.
    ///   - progress: Receives reports while something is made; never called if nothing is to do.
    /// - Throws: `IMAGE_NOT_FOUND` for a preset that cannot be made; `IMAGE_BUILD_FAILED`, `PROGRAM_NOT_FOUND`, `PROGRAM_FAILED`,
    ///   `NO_SPACE`, `DATA_DIRECTORY_UNUSABLE`, `GUEST_AGENT_NOT_FOUND`; `CancellationError`.
    public func ensureBaseImage(
        _ preset: BaseImagePreset = .minimal, force: Bool = false, verify: Bool = false,
        progress: @escaping ImageProgress.Handler = { _ in }
    ) async throws -> BaseImageBundle {
        guard BaseImagePreset.all.contains(preset) else { throw ImageDirectory.notFound(preset.rawValue) }
        let agent = try AgentBinary(environment)
        let directory = ImageDirectory(name: preset.rawValue, in: cacheDir)
        if !force, !verify, let bundle = try? directory.bundle(), bundle.agent?.identity == agent.identity {
            return directory.touched(bundle)
        }

        try DataDirectory.make(cacheDir)
        let steps = ImageSteps(progress)
        let seen = try? directory.bundle().createdAt
        let lock = try await directory.lock(steps: steps)
        defer { withExtendedLifetime(lock) {} }
        do throws(Errno) { try directory.removeLitter() } catch { throw ImageDirectory.explained(error, cacheDir) }
        var bundle = try? directory.bundle()
        if verify, let found = bundle, !(try directory.isIntact(found, steps: steps)) { bundle = nil }
        // Who has waited while another one made it anew has what was asked for.
        if force, bundle?.createdAt == seen { bundle = nil }
        do {
            let builder = ImageBuilder(directory: directory, preset: preset, agent: agent, recipe: recipe)
            let built = try await builder.build(from: bundle, steps: steps)
            try? directory.removeLitter()
            return built
        } catch {
            try? directory.removeLitter()
            throw ImageDirectory.explained(error, cacheDir)
        }
    }

    /// An image that is there.
    ///
    /// - Throws: `INVALID_IMAGE_NAME`, `IMAGE_NOT_FOUND`, `INVALID_BASE_IMAGE_MANIFEST`.
    public func image(named name: String) throws(SmartVMError) -> BaseImageBundle {
        try ImageDirectory(checking: name, in: cacheDir).bundle()
    }

    /// All images that are there, by name. What cannot be understood is left out.
    public func list() throws(SmartVMError) -> [BaseImageBundle] {
        guard let names = try? FileTree.names(at: cacheDir) else { return [] }
        return names.filter { !$0.hasPrefix(".") }.compactMap { try? ImageDirectory(name: $0, in: cacheDir).bundle() }
    }

    /// Bytes that an image takes on the disk.
    public func size(of bundle: BaseImageBundle) -> Int64 {
        (try? FileTree.diskUsage(of: bundle.bundleDir)) ?? 0
    }

    /// Removes an image. VMs that run keep the files that they have open.
    ///
    /// - Throws: `IMAGE_NOT_FOUND`; `DATA_DIRECTORY_UNUSABLE`.
    public func remove(named name: String) async throws {
        let directory = try ImageDirectory(checking: name, in: cacheDir)
        guard File.exists(directory.path) else { throw ImageDirectory.notFound(name) }
        let lock = try await directory.lock(steps: ImageSteps { _ in })
        defer { withExtendedLifetime(lock) {} }
        do throws(Errno) {
            try directory.remove()
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The image \(name) in \(cacheDir) cannot be removed: \(error).",
                underlying: error)
        }
    }
}
