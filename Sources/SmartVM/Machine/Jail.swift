internal import FirecrackerClient
internal import Glibc
internal import Linux

/// The jail of one start of one VM.
///
/// Theory of operation. The jailer builds the jail around its VMM; this puts into it, beforehand, what the VMM is to open: its root
/// directory is made first, which the jailer then finds. Files get there without being copied, by a hard link where they lie on the
/// same file system, else by a bind mount, so the VMM opens them as the user that it runs as and with that user's rights. Only kernel and
/// initramfs, which are small and only read, are copied if that user could not read them. Drives that are written become that
/// user's own. Every path in the requests to the VMM is replaced by the one within (``admit(_:)``).
///
/// What a jail holds on the host stands in the VM's runtime directory before it is made (``JailRecord``), so it goes with that
/// directory, also when this process is killed.
struct Jail: Sendable {
    let layout: JailLayout
    private let record: JailRecord
    let user: FileUser

    /// Checks everything, then makes the jail's root directory. Blocks the thread.
    ///
    /// - Throws: `INVALID_CONFIG` with all that is wrong, `JAILER_NEEDS_ROOT`, `JAILER_NOT_FOUND`, before anything is made; `JAIL_FAILED`.
    init(
        _ config: JailerConfig, executable: String, vm: String, directory: RuntimeDirectory,
        environment: HostEnvironment = .current, cgroups: ControlGroups = .ofHost, isRoot: Bool = geteuid() == 0
    ) throws(SmartVMError) {
        layout = try Self.layout(
            config, executable: executable, vm: vm, environment: environment, cgroups: cgroups, isRoot: isRoot)
        user = FileUser(uid: config.uid, gid: config.gid)
        record = JailRecord(
            directory: layout.directory, cgroups: cgroups.groupDirectories(of: layout.cgroup, layout.cgroupVersion))
        do throws(Errno) {
            try record.write(in: directory.path)
            try FileTree.makeDirectories("\(config.chrootBaseDir)/\(layout.executableName)")
            // Fails if it exists: then something else is there that nobody may remove.
            try FileTree.makeNewDirectory(layout.directory, mode: 0o755)
            try FileTree.makeNewDirectory(layout.root, mode: 0o700)
            try File.write([], to: layout.root + JailLayout.log)
            for path in [layout.root, layout.root + JailLayout.log] { try own(path) }
        } catch {
            throw SmartVMError(
                .jailFailed, "The jail \(layout.directory) cannot be made: \(error).",
                cure: "Check that root can write to \(config.chrootBaseDir).", underlying: error)
        }
    }

    /// All checks that can be made before anything is.
    static func layout(
        _ config: JailerConfig, executable: String, vm: String, environment: HostEnvironment,
        cgroups: ControlGroups, isRoot: Bool
    ) throws(SmartVMError) -> JailLayout {
        let errors = config.validate()
        guard errors.isEmpty else {
            throw SmartVMError(
                .invalidConfiguration, "The jailer's configuration is wrong: \(errors.joined(separator: "; ")).")
        }
        let id = try JailLayout.freshID(for: vm)
        guard isRoot else {
            throw SmartVMError(
                .jailerNeedsRoot, "VM \(vm) is to run in a jail, which only root can make.",
                cure: "Run as root, or leave the jailer out.")
        }
        guard let real = File.realPath(executable), File.isExecutable(real) else {
            throw SmartVMError(.vmmNotFound, "The VMM \(executable) is not an executable file.")
        }
        let beside =
            real.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/jailer"
        let jailer =
            config.jailerBinaryPath ?? (File.isExecutable(beside) ? beside : environment.program("jailer"))
        guard let jailer, File.isExecutable(jailer) else {
            throw SmartVMError(
                .jailerNotFound,
                config.jailerBinaryPath.map { "The jailer \($0) is not an executable file." }
                    ?? "There is no jailer beside \(real) or on PATH.",
                cure: "It is in the same archive as firecracker; name it with jailerBinaryPath.")
        }
        guard (try? FileStatus(of: config.chrootBaseDir))?.kind == .directory else {
            throw SmartVMError(
                .invalidConfiguration, "jailer.chrootBaseDir \(config.chrootBaseDir) is not a directory.",
                cure: "sudo mkdir -p \(config.chrootBaseDir)")
        }
        if let netns = config.netns, !File.exists(netns) {
            throw SmartVMError(
                .invalidConfiguration, "jailer.netns \(netns) does not exist.",
                cure: "sudo ip netns add \(netns.split(separator: "/").last ?? "NAME")")
        }
        let version = config.cgroupVersion ?? cgroups.preferredVersion
        for file in config.cgroups.keys.sorted() {
            let controller = String(file.split(separator: ".").first ?? "")
            guard cgroups.has(controller, version) else {
                throw SmartVMError(
                    .invalidConfiguration,
                    "jailer.cgroups: this host has no controller \(controller) in version \(version.rawValue), for \(file).",
                    cure: "Use another file, or the other cgroupVersion.")
            }
        }
        let layout = JailLayout(
            config: config, jailer: jailer, executable: real, id: id, cgroupVersion: version)
        try layout.checkLengths()
        return layout
    }

    /// What is run instead of the VMM.
    ///
    /// - Parameters:
    ///   - workingDirectory: Of the jailer; the VMM's is the root of the jail.
    ///   - hasLogger: Whether the VMM will be told over its API where its log goes.
    func jailerCommand(
        workingDirectory: String, hasLogger: Bool = false, enablesPCI: Bool = false
    ) -> VMMProcess.Command {
        VMMProcess.Command(
            executable: layout.jailer,
            arguments: layout.jailerArguments(hasLogger: hasLogger, enablesPCI: enablesPCI),
            workingDirectory: workingDirectory)
    }

    /// Makes a file or socket that this process has put into the jail the VMM's own.
    func own(_ path: String) throws(Errno) {
        try FileTree.setOwner(path, user.uid, user.gid)
    }

    /// Takes the jail away. The VMM has ended. Blocks the thread.
    func remove() {
        record.remove()
    }
}
