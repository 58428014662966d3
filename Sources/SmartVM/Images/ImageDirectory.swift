internal import FirecrackerClient
internal import FoundationEssentials
internal import Glibc
internal import Linux

/// One image's place in the cache: its directory, its manifest, its lock, and what a build leaves behind when it is killed.
struct ImageDirectory: Hashable, Sendable {
    let name: String
    let cacheDir: String

    init(name: String, in cacheDir: String) {
        self.name = name
        self.cacheDir = cacheDir
    }

    /// - Throws: `INVALID_IMAGE_NAME` for what would lead elsewhere, or could be mistaken for something else.
    init(checking name: String, in cacheDir: String) throws(SmartVMError) {
        guard Self.isPlain(name), name.utf8.count <= 128 else {
            throw SmartVMError(
                .invalidImageName, "\"\(name)\" is not a name of an image.",
                cure:
                    "Names have 1 to 128 letters, digits, dots, dashes and underscores, and begin with a letter or digit."
            )
        }
        self.init(name: name, in: cacheDir)
    }

    /// Letters, digits, dots, dashes and underscores, not beginning with one of the latter: no path, no option, nothing hidden.
    private static func isPlain(_ name: String) -> Bool {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return allowed && !name.isEmpty && !name.hasPrefix(".") && !name.hasPrefix("-") && !name.hasPrefix("_")
    }

    /// Whether a file of an image may be called so: plain, and none of the names that have a meaning here.
    static func isArtifactName(_ name: String) -> Bool {
        isPlain(name) && name.utf8.count <= 200 && ![manifest, VerifiedFiles.fileName, modulesName].contains(name)
            && !name.hasPrefix(AgentInitramfs.prefix) && !name.hasSuffix(".tmp")
    }

    var path: String { "\(cacheDir)/\(name)" }
    /// What is made, until it is whole. Programs that a killed build had started may write to theirs for a while: each has its own.
    var stagingPath: String { "\(cacheDir)/\(Self.stagingPrefix)\(getpid()).\(name)" }
    private static let stagingPrefix = ".build-"
    /// What was replaced, removed or left behind, until it is gone: this, a number, a dot, and the name.
    private static let discardPrefix = ".old-"
    private var lockPath: String { "\(cacheDir)/.\(name).lock" }
    private static let manifest = "manifest.json"
    /// What the initramfs holds beside the guest agent.
    static let modulesName = "modules.cpio"
    /// Downloads that are not complete, of all images.
    var partialsPath: String { "\(cacheDir)/.partial" }

    /// Reads the manifest. Paths in it are taken to be in this directory, wherever it has been moved since.
    ///
    /// - Throws: `IMAGE_NOT_FOUND`; `INVALID_BASE_IMAGE_MANIFEST`, also if a file that it names is missing.
    func bundle() throws(SmartVMError) -> BaseImageBundle {
        let bundle = try readManifest()
        for file in [bundle.kernelImagePath, bundle.rootfsPath] + (bundle.initrdPath.map { [$0] } ?? []) {
            guard let status = try? FileStatus(of: file), status.size > 0 else {
                throw broken("\(file) is missing or empty", nil)
            }
        }
        return bundle
    }

    /// The same, whether its files are there or not.
    func readManifest() throws(SmartVMError) -> BaseImageBundle {
        let text: [UInt8]
        do throws(Errno) {
            text = try File.read("\(path)/\(Self.manifest)", limit: 1 << 20)
        } catch {
            if error == .noSuchFile { throw Self.notFound(name) }
            throw SmartVMError(.imageNotFound, "The image \(name) cannot be read: \(error).", underlying: error)
        }
        var bundle: BaseImageBundle
        do {
            bundle = try JSONDecoder().decode(BaseImageBundle.self, from: Data(text))
        } catch {
            throw broken("its manifest cannot be understood", error)
        }
        // The directory's name is the image's, wherever it was copied from.
        bundle.bundleId = name
        bundle.bundleDir = path
        bundle.kernelImagePath = moved(bundle.kernelImagePath)
        bundle.rootfsPath = moved(bundle.rootfsPath)
        bundle.initrdPath = bundle.initrdPath.map(moved)
        return bundle
    }

    private func moved(_ file: String) -> String {
        "\(path)/\(file.split(separator: "/").last ?? "")"
    }

    func broken(_ what: String, _ error: (any Error)? = nil) -> SmartVMError {
        SmartVMError(
            .invalidImageManifest, "The image \(name) is broken: \(what).",
            cure: name == BaseImagePreset.minimal.rawValue
                ? "Make it again with `smartvm image build \(name)`, or remove it with `smartvm image rm \(name)`."
                : "Remove it with `smartvm image rm \(name)`, and fetch it again with `smartvm image pull`.",
            underlying: error)
    }

    /// Writes the manifest at once: a reader sees the old one or the new one.
    func write(_ bundle: BaseImageBundle, in directory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = [UInt8](try encoder.encode(bundle)) + [UInt8(ascii: "\n")]
        try File.replace("\(directory)/\(Self.manifest)", with: text, mode: 0o644)
        try File.synchronize("\(directory)/\(Self.manifest)")
    }

    /// Notes that the image was used: for those that can be evicted to a second, else to an hour. That this cannot be written hinders nobody, nor does it wait.
    func touched(_ bundle: BaseImageBundle) -> BaseImageBundle {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        if let last = try? style.parse(bundle.lastAccessedAt),
            abs(last.timeIntervalSinceNow) < (bundle.preset == .minimal ? 3600 : 1)
        {
            return bundle
        }
        // Under the lock, and only if it is still this image: else the description of one would be written into another.
        guard let lock = try? ImageLock(free: lockPath), let now = try? self.bundle(), now == bundle else {
            return bundle
        }
        var bundle = bundle
        bundle.lastAccessedAt = style.format(Date())
        try? write(bundle, in: path)
        withExtendedLifetime(lock) {}
        return bundle
    }

    /// Waits until nobody else makes or removes this image.
    func lock(steps: ImageSteps) async throws -> ImageLock {
        do {
            return try await ImageLock(path: lockPath) {
                try steps.begin("Waiting for another smartvm that works on the image \(name)", upTo: 0)
            }
        } catch {
            throw Self.inUserTerms(error, cacheDir)
        }
    }

    /// Takes the lock if nobody else has it.
    func freeLock() -> ImageLock? {
        try? ImageLock(free: lockPath)
    }

    /// To be called before a lock is given up: where no image has come of it, or none is left, its file goes too.
    func settle(_ lock: borrowing ImageLock) {
        if !File.exists(path) { lock.removeFile() }
    }

    /// Clears away what a build or a removal that was killed has left. The caller holds the lock.
    ///
    /// Programs that a killed build had started may still write there; so it is moved out of their way first, and what cannot be
    /// removed yet is left for the next time.
    func removeLitter() throws(Errno) {
        for entry in try FileTree.names(at: cacheDir) {
            if isOurs(entry, Self.stagingPrefix) { try discard("\(cacheDir)/\(entry)") }
            if isOurs(entry, Self.discardPrefix) { try? FileTree.removeAll("\(cacheDir)/\(entry)") }
        }
        for file in (try? FileTree.names(at: path)) ?? [] where file.hasSuffix(".tmp") {
            try FileTree.removeAll("\(path)/\(file)")
        }
    }

    private func isOurs(_ entry: String, _ prefix: String) -> Bool {
        entry.hasPrefix(prefix) && entry.dropFirst(prefix.count).drop { $0.isNumber } == ".\(name)"
    }

    /// Takes something away at once, and removes as much of it as can be removed.
    private func discard(_ path: String) throws(Errno) {
        guard File.exists(path) else { return }
        // A place that nothing occupies: what an earlier call has put away may still be there.
        let away = "\(cacheDir)/\(Self.discardPrefix)\(UInt64.random(in: 0...UInt64.max)).\(name)"
        try File.move(path, to: away)
        try? FileTree.removeAll(away)
    }

    /// Puts the staged directory in its place. The caller holds the lock.
    func publish() throws(Errno) {
        try FileTree.synchronizeAll(stagingPath)
        if File.exists(path) {
            try File.exchange(stagingPath, with: path)
            try File.synchronize(cacheDir)
            try discard(stagingPath)
        } else {
            try File.move(stagingPath, to: path)
            try File.synchronize(cacheDir)
        }
    }

    /// Removes the image. The caller holds the lock.
    func remove() throws(Errno) {
        try discard(path)
        try removeLitter()
    }

    static func notFound(_ name: String) -> SmartVMError {
        let preset = BaseImagePreset(rawValue: name)
        let cure =
            if BaseImagePreset.ofCI.contains(preset) {
                "smartvm image pull \(name)"
            } else if preset == .minimal {
                "smartvm image build \(name)"
            } else {
                "`smartvm image ls` lists those that are there; these can be made or fetched: "
                    + BaseImagePreset.all.map(\.rawValue).joined(separator: ", ") + "."
            }
        return SmartVMError(.imageNotFound, "There is no image \(name).", cure: cure)
    }

    /// Errors of system calls in the terms of a user's.
    static func inUserTerms(_ error: any Error, _ path: String) -> any Error {
        guard let errno = error as? Errno else { return error }
        if errno == .noSpace { return SmartVMError.noSpace(at: path, underlying: errno) }
        return SmartVMError(
            .imageBuildFailed, "The image could not be made in \(path): \(errno).", underlying: errno)
    }
}
