internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// Images that are fetched.
extension BaseImageManager {
    /// The version of Firecracker's CI that `lts` is of.
    static let longTermVersion = "v1.7"
    /// Bytes that a manifest may have.
    private static let manifestLimit = 1 << 20

    // MARK: - Hosted

    func ensureHosted(_ options: BaseImageOptions, steps: ImageSteps) async throws -> BaseImageBundle {
        var source = BaseImageBundle.Source(type: "hosted-manifest")
        source.manifestPath = options.manifestPath
        source.manifestUrl = options.manifestUrl
        let place = options.manifestPath ?? options.manifestUrl ?? ""
        let manifest: BaseImageHostedManifest
        do {
            let text = try await text(ofManifest: options, steps: steps)
            manifest = try JSONDecoder().decode(BaseImageHostedManifest.self, from: Data(text))
        } catch let error as DecodingError {
            throw SmartVMError(
                .invalidImageManifest, "The manifest \(place) cannot be understood: \(Self.words(error)).",
                underlying: error)
        }
        try manifest.validate(
            arch: options.arch ?? arch, isLocal: options.manifestPath != nil, limit: maxArtifactBytes, source: place)
        let absolute = DataDirectory(path: place).path
        let plan = try BundlePlan(
            manifest, source: source,
            directory: String(absolute[..<(absolute.lastIndex(of: "/") ?? absolute.startIndex)]),
            limit: maxArtifactBytes)
        return try await ensure(plan, options, steps: steps)
    }

    private func text(ofManifest options: BaseImageOptions, steps: ImageSteps) async throws -> [UInt8] {
        if let url = options.manifestUrl {
            let address = try HTTPURL(url)
            try steps.begin("Fetching the manifest \(address)", upTo: 0)
            do {
                return try await downloader.contents(of: address, limit: Self.manifestLimit)
            } catch let error as SmartVMError where error.code == .downloadFailed || error.code == .sizeMismatch {
                throw SmartVMError(.imageManifestFailed, error.message, cure: error.cure, underlying: error)
            }
        }
        let path = options.manifestPath ?? ""
        do throws(Errno) {
            guard try FileStatus(of: path).kind == .file else { throw .invalidArgument }
            return try File.read(path, limit: Self.manifestLimit)
        } catch {
            let why = error == .invalidArgument ? "it is not a regular file" : "\(error)"
            throw SmartVMError(
                .imageManifestFailed, "The manifest '\(path)' cannot be read: \(why).", underlying: error)
        }
    }

    private static func words(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
            (context.codingPath + (key.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(path(context, key)) is missing"
        case .valueNotFound(_, let context): "\(path(context)) is null"
        case .typeMismatch(let type, let context): "\(path(context)) is not of the type \(type)"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "\(path(context)) has no value that can be: \(context.debugDescription)"
        default: "it is not JSON"
        }
    }

    // MARK: - Published by Firecracker's CI

    func ensurePublished(
        _ preset: BaseImagePreset, _ options: BaseImageOptions, steps: ImageSteps
    ) async throws -> BaseImageBundle {
        let arch = options.arch ?? arch
        let there = imageDirectories().compactMap { try? $0.bundle() }
            .filter { bundle in
                bundle.preset == preset && bundle.arch == arch
                    && (options.ciVersion == nil || bundle.ciVersion == options.ciVersion)
            }
            .sorted { $0.createdAt > $1.createdAt }
        var damaged: [ImageDirectory] = []
        if !options.force, !options.refresh {
            for bundle in there {
                let directory = ImageDirectory(name: bundle.bundleId, in: cacheDir)
                // One without digests, which SmartVM has not written, cannot be compared with anything.
                var isIntact = bundle.checksums == nil
                if !isIntact {
                    isIntact = try await directory.isIntact(bundle, readingAll: options.verify, steps: steps)
                }
                if isIntact { return directory.touched(bundle) }
                damaged.append(directory)
            }
        }

        let bucket = ArtifactBucket(url: try HTTPURL(bucketUrl), downloader: downloader)
        try steps.begin("Looking for the image \(preset.rawValue) in \(bucket.url)", upTo: 0)
        let artifacts: CIArtifacts
        if let name = options.ciVersion ?? (preset == .lts ? Self.longTermVersion : nil) {
            guard let version = CIVersion(name) else {
                throw SmartVMError(
                    .baseImageResolveFailed, "'\(name)' is no version of Firecracker's CI.",
                    cure: "Give one like v1.10 or 20251218-f2f293f67e5f-0.")
            }
            artifacts = try await CIArtifacts(of: version, arch: arch, in: bucket)
        } else {
            artifacts = try await CIArtifacts(ofNewest: arch, in: bucket)
        }
        let plan = try BundlePlan(artifacts, preset: preset, arch: arch, bucket: bucket, limit: maxArtifactBytes)
        let bundle = try await ensure(plan, options, steps: steps)
        for directory in damaged where directory.name != bundle.bundleId {
            if let lock = directory.freeLock() {
                try? directory.remove()
                directory.settle(lock)
            }
        }
        return bundle
    }

    // MARK: - Either

    /// The image of a plan: the one that is there, or a new one.
    private func ensure(
        _ plan: BundlePlan, _ options: BaseImageOptions, steps: ImageSteps
    ) async throws -> BaseImageBundle {
        let directory = try ImageDirectory(checking: plan.bundleId, in: cacheDir)
        if !options.force, let bundle = try await found(plan, in: directory, options, steps: steps) {
            return directory.touched(bundle)
        }
        let seen = try? directory.readManifest().createdAt
        // A file system that cannot hold it, and sizes that cannot be, are said before anything is made.
        for item in plan.items {
            if let size = item.wanted.size { try item.wanted.check(size: size, at: cacheDir) }
        }
        try makeCache()
        let bundle = try await fetch(plan, in: directory, seen: seen, options, steps: steps)
        try await pruneBaseImageCache(keeping: plan.bundleId)
        return bundle
    }

    private func fetch(
        _ plan: BundlePlan, in directory: ImageDirectory, seen: String?, _ options: BaseImageOptions,
        steps: ImageSteps
    ) async throws -> BaseImageBundle {
        let lock = try await directory.lock(steps: steps)
        defer { directory.settle(lock) }
        try directory.removeLitter()
        // Who has waited while another one fetched it has what was asked for.
        if let bundle = try await found(plan, in: directory, options, steps: steps),
            !options.force || bundle.createdAt != seen
        {
            return bundle
        }
        defer { try? directory.removeLitter() }
        return try await BundleFetcher(directory: directory, downloader: downloader).fetch(plan, steps: steps)
    }

    /// The image that is there, if it is what the plan says and its files are what they were.
    private func found(
        _ plan: BundlePlan, in directory: ImageDirectory, _ options: BaseImageOptions, steps: ImageSteps
    ) async throws -> BaseImageBundle? {
        guard let bundle = try? directory.bundle(), plan.describes(bundle) else { return nil }
        for item in plan.items {
            let path = "\(directory.path)/\(item.fileName)"
            guard let status = try? FileStatus(of: path), item.wanted.size ?? status.size == status.size else {
                return nil
            }
            // Without a digest in the manifest, the file itself says whether the copy is still one.
            if case .file(let original) = item.wanted.source, item.wanted.sha256 == nil {
                guard try await isCopy(path, of: original) else { return nil }
            }
        }
        // The manifest has the digest of the initramfs with the agent, once there is one; the note has that of what it is made of.
        if let initrd = plan.initrd {
            if let sha256 = initrd.wanted.sha256,
                !VerifiedFiles(in: directory.path).has(initrd.fileName, sha256: sha256, in: directory.path)
            {
                return nil
            }
        } else if File.exists("\(directory.path)/\(ImageDirectory.modulesName)") {
            return nil
        }
        return try await directory.isIntact(bundle, readingAll: options.verify, steps: steps) ? bundle : nil
    }

    private func isCopy(_ path: String, of original: String) async throws -> Bool {
        guard let size = try? FileStatus(of: original).size, size == (try? FileStatus(of: path).size) else {
            return false
        }
        return try await Checksum.sha256(ofFile: original) == Checksum.sha256(ofFile: path)
    }

    // MARK: - With and without the agent

    /// The same image with an initramfs that holds this installation's agent.
    func withAgent(_ bundle: BaseImageBundle, steps: ImageSteps) async throws -> BaseImageBundle {
        let agent = try AgentBinary(environment)
        if bundle.agent?.identity == agent.identity { return bundle }
        let directory = ImageDirectory(name: bundle.bundleId, in: cacheDir)
        let lock = try await directory.lock(steps: steps)
        defer { directory.settle(lock) }
        try directory.removeLitter()
        defer { try? directory.removeLitter() }
        return try await AgentInitramfs(directory: directory, agent: agent).update(try directory.bundle(), steps: steps)
    }

    /// The same image as it was fetched, whether somebody has added an agent since or not.
    func withoutAgent(_ bundle: BaseImageBundle) -> BaseImageBundle {
        guard bundle.agent != nil else { return bundle }
        var bundle = bundle
        let modules = "\(bundle.bundleDir)/\(ImageDirectory.modulesName)"
        bundle.agent = nil
        bundle.initrdPath = File.exists(modules) ? modules : nil
        bundle.checksums?.initrdSha256 = nil
        return bundle
    }
}
