public import FirecrackerClient
internal import Linux

/// Releases of Firecracker: those on this machine, and those that are published.
///
/// A release is a directory `VERSION` with the programs `firecracker` and `jailer`. It is fetched into a directory of another name,
/// compared with the SHA-256 that is published beside it, unpacked, written to the disk and moved to its place by rename(2): what stands
/// there is complete. Those who fetch the same release exclude each other by a lock that the kernel releases with its holder.
public struct ImageManager: Sendable {
    /// Holds one directory per release.
    public let directory: String
    /// `x86_64` or `aarch64`.
    public let arch: String
    /// Where releases are published.
    public let releasesUrl: String
    private let environment: HostEnvironment
    var downloader: Downloader

    /// Where Firecracker publishes its releases.
    public static let defaultReleasesUrl = "https://github.com/firecracker-microvm/firecracker/releases"

    /// Bytes that the text with a digest may have.
    private static let digestLimit = 4096

    /// - Parameters:
    ///   - dataDirectory: Where releases are kept.
    ///   - environment: Where programs are looked for. Default: that of this process.
    ///   - arch: `x86_64` or `aarch64`. Default: that of this machine.
    ///   - releasesUrl: Default: `$SMARTVM_RELEASES_URL`, else ``defaultReleasesUrl``.
    public init(
        _ dataDirectory: DataDirectory, arch: String? = nil, releasesUrl: String? = nil,
        environment: HostEnvironment = .current
    ) {
        directory = dataDirectory.releasesPath
        self.arch = arch ?? HostArchitecture.name
        self.releasesUrl = releasesUrl ?? environment.value("SMARTVM_RELEASES_URL") ?? Self.defaultReleasesUrl
        self.environment = environment
        downloader = Downloader(environment: environment)
    }

    /// The newest release that is published.
    ///
    /// - Returns: As its tag: `v1.16.1`.
    /// - Throws: `FIRECRACKER_RELEASE_NOT_FOUND` if the server does not say; `DOWNLOAD_FAILED`, `INVALID_URL`.
    public func latestVersion() async throws -> String {
        // The server redirects to the page of the release, whose address ends in the tag.
        let latest = try HTTPURL(releasesUrl).appending(path: "latest")
        guard let page = try await downloader.redirect(of: latest), let tag = try? ReleaseTag(page.lastPathComponent)
        else {
            throw SmartVMError(
                .releaseNotFound, "\(latest) does not say which release of Firecracker is the newest.",
                cure: "Give a version, such as v1.16.1.")
        }
        return "\(tag)"
    }

    /// A release on this machine: fetched now if it is not there.
    ///
    /// - Parameters:
    ///   - version: `v1.16.1` or `1.16.1`. Default: the newest that is published.
    ///   - force: Fetches it anew even if it is there.
    ///   - progress: Receives reports while it is fetched; what it throws ends that.
    /// - Throws: `INVALID_FIRECRACKER_VERSION`, `FIRECRACKER_RELEASE_NOT_FOUND`, `CHECKSUM_MISSING`, `CHECKSUM_MISMATCH`,
    ///   `INVALID_FIRECRACKER_RELEASE`, `DOWNLOAD_FAILED`, `SIZE_MISMATCH`, `INVALID_URL`, `NO_SPACE`, `PROGRAM_NOT_FOUND`,
    ///   `DATA_DIRECTORY_UNUSABLE`; `CancellationError`. Nothing that is half there is taken for a release.
    public func ensureVersion(
        _ version: String? = nil, force: Bool = false, progress: @escaping ImageProgress.Handler = { _ in }
    ) async throws -> FirecrackerRelease {
        let steps = ImageSteps(progress)
        let tag: ReleaseTag
        if let version {
            tag = try ReleaseTag(version)
        } else {
            try steps.begin("Asking for the newest release of Firecracker", upTo: 0)
            tag = try ReleaseTag(try await latestVersion())
        }
        if !force, let release = installed(tag) { return release }
        let seen = inode(tag)
        try DataDirectory.make(directory)
        do {
            let lockPath = "\(directory)/.\(tag).lock"
            let lock = try await ImageLock(path: lockPath) {
                try steps.begin("Waiting for another smartvm that fetches Firecracker \(tag)", upTo: 0)
            }
            defer { lock.removeFile() }
            // Who has waited while another one fetched it has what was asked for.
            if let release = installed(tag), !force || inode(tag) != seen { return release }
            return try await fetch(tag, steps: steps)
        } catch let error as Errno {
            if error == .noSpace { throw SmartVMError.noSpace(at: directory, underlying: error) }
            throw SmartVMError(
                .dataDirectoryUnusable, "Firecracker \(tag) cannot be placed in \(directory): \(error).",
                underlying: error)
        }
    }

    private func fetch(_ tag: ReleaseTag, steps: ImageSteps) async throws -> FirecrackerRelease {
        let staging = "\(directory)/.fetch.\(tag)"
        // Left by one that was killed: whoever holds the lock is the only one at work.
        try FileTree.removeAll(staging)
        defer { try? FileTree.removeAll(staging) }

        let archive = ReleaseArchive(tag: tag, arch: arch)
        let address = try HTTPURL(releasesUrl).appending(path: "download/\(tag)/\(archive.fileName)")
        try steps.begin("Fetching the checksum of Firecracker \(tag)", upTo: 0.02)
        let digest = try await digest(of: archive, at: address)
        try FileTree.makeDirectory(staging, mode: 0o700)
        try steps.begin("Downloading \(archive.fileName) from \(address.host)", upTo: 0.9)
        let wanted = DownloadRequest(
            source: .url(address), name: "Firecracker \(tag)", sha256: digest, limit: ReleaseArchive.sizeLimit)
        let file = "\(staging)/\(archive.fileName)"
        _ = try await downloader.fetch(wanted, to: file, partials: "\(directory)/.partial") {
            try steps.within(bytes: $0, of: $1)
        }
        try steps.begin("Unpacking \(archive.fileName)", upTo: 1)
        let unpacked = "\(staging)/\(tag)"
        try FileTree.makeDirectory(unpacked, mode: 0o755)
        try await archive.unpack(file, into: unpacked)
        let place = path(tag)
        try await BlockingWork.run {
            try FileTree.synchronizeAll(unpacked)
            if File.exists(place) {
                try File.exchange(unpacked, with: place)
            } else {
                try File.move(unpacked, to: place)
            }
            try File.synchronize(directory)
        }
        guard let release = installed(tag) else {
            throw SmartVMError(.invalidRelease, "Firecracker \(tag) has been removed while it was fetched.")
        }
        return release
    }

    private func digest(of archive: ReleaseArchive, at address: HTTPURL) async throws -> String {
        do {
            let text = try await downloader.contents(of: try HTTPURL("\(address).sha256.txt"), limit: Self.digestLimit)
            return try archive.digest(in: text)
        } catch let error as SmartVMError where error.code == .downloadFailed && !(error.underlying is PassingFailure) {
            // Which of the two is missing?
            guard try await downloader.isThere(address) else {
                throw SmartVMError(
                    .releaseNotFound, "Firecracker has no release \(archive.tag) for \(arch) at \(address).",
                    cure: "\(releasesUrl) lists those that there are.", underlying: error)
            }
            throw SmartVMError(
                .checksumMissing, "Firecracker \(archive.tag) publishes no SHA-256 for \(archive.fileName).",
                cure: "Choose a newer version; what cannot be checked is not installed.", underlying: error)
        }
    }

    // MARK: - What is there

    private func path(_ tag: ReleaseTag) -> String { "\(directory)/\(tag)" }

    private func installed(_ tag: ReleaseTag) -> FirecrackerRelease? {
        let release = FirecrackerRelease(
            version: "\(tag)", arch: arch, firecrackerPath: "\(path(tag))/firecracker",
            jailerPath: "\(path(tag))/jailer")
        let isThere = File.isExecutable(release.firecrackerPath) && File.isExecutable(release.jailerPath)
        return isThere ? release : nil
    }

    /// Tells one fetch of a release from another.
    private func inode(_ tag: ReleaseTag) -> UInt64? { try? FileStatus(of: path(tag)).inode }

    /// The releases that have been fetched, from the oldest version on.
    public func list() -> [FirecrackerRelease] {
        ((try? FileTree.names(at: directory)) ?? []).compactMap { try? ReleaseTag($0) }.sorted().compactMap {
            installed($0)
        }
    }

    /// The program `firecracker` of a release that has been fetched; nil if it is not there.
    ///
    /// - Throws: `INVALID_FIRECRACKER_VERSION`.
    public func firecrackerBinaryPath(_ version: String) throws(SmartVMError) -> String? {
        installed(try ReleaseTag(version))?.firecrackerPath
    }

    /// The program `jailer` of a release that has been fetched; nil if it is not there.
    ///
    /// - Throws: `INVALID_FIRECRACKER_VERSION`.
    public func jailerBinaryPath(_ version: String) throws(SmartVMError) -> String? {
        installed(try ReleaseTag(version))?.jailerPath
    }

    /// The program `firecracker` that is used where nobody names one: that on PATH, else that of the newest release that was fetched.
    public func findFirecracker() -> String? {
        environment.program("firecracker") ?? list().last?.firecrackerPath
    }

    /// The program `jailer` that belongs to ``findFirecracker()``.
    public func findJailer() -> String? {
        environment.program("jailer") ?? list().last?.jailerPath
    }

    /// Removes a release that was fetched. VMs that run are not disturbed.
    ///
    /// - Throws: `INVALID_FIRECRACKER_VERSION`, `FIRECRACKER_RELEASE_NOT_FOUND`, `DATA_DIRECTORY_UNUSABLE`.
    public func remove(_ version: String) async throws {
        let tag = try ReleaseTag(version)
        guard installed(tag) != nil else {
            throw SmartVMError(
                .releaseNotFound, "Firecracker \(tag) is not in \(directory).", cure: "`smartvm vmm ls` lists what is.")
        }
        do {
            let lock = try await ImageLock(path: "\(directory)/.\(tag).lock")
            defer { lock.removeFile() }
            // Out of sight at once; what a kill leaves goes with the next fetch of this release.
            let away = "\(directory)/.fetch.\(tag)"
            try FileTree.removeAll(away)
            try File.move(path(tag), to: away)
            try FileTree.removeAll(away)
        } catch let error as Errno {
            throw SmartVMError(
                .dataDirectoryUnusable, "Firecracker \(tag) in \(directory) cannot be removed: \(error).",
                underlying: error)
        }
    }
}
