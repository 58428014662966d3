internal import FirecrackerClient
internal import Linux

/// An image's initramfs with a guest agent in it. Works under the image's lock.
///
/// It is called by the agent's digest, and put together from what the image has for it (the kernel's modules, or nothing) and the agent in
/// a few milliseconds; so several versions of SmartVM share an image, and each boots its own agent.
struct AgentInitramfs: Sendable {
    let directory: ImageDirectory
    let agent: AgentBinary

    /// Of the names of such files.
    static let prefix = "initramfs-"
    /// How many of other agents stay, for those who boot them at this moment.
    private static let agentsKept = 3

    /// Gives an image that is complete but for the agent one with this agent.
    func update(_ existing: BaseImageBundle, steps: ImageSteps) async throws -> BaseImageBundle {
        if existing.agent?.identity == agent.identity { return existing }
        var bundle = existing
        let digest = try await Checksum.sha256(ofFile: agent.path)
        let published = "\(directory.path)/\(Self.fileName(ofAgent: digest))"
        // What stands in its place is complete: it came there by rename(2).
        if File.exists(published) {
            packed(digest, initrdSha256: try await Checksum.sha256(ofFile: published)).enter(into: &bundle)
        } else {
            try steps.begin("Packing the guest agent", upTo: 1)
            try FileTree.makeDirectory(directory.stagingPath)
            let modules = "\(directory.path)/\(ImageDirectory.modulesName)"
            let packed = try await pack(in: directory.stagingPath, modules: File.exists(modules) ? modules : nil)
            try File.synchronize("\(directory.stagingPath)/\(packed.fileName)")
            try File.move("\(directory.stagingPath)/\(packed.fileName)", to: published)
            packed.enter(into: &bundle)
            try FileTree.removeAll(directory.stagingPath)
        }
        try directory.write(bundle, in: directory.path)
        try RecentFiles.keep(Self.agentsKept, in: directory.path, named: Self.prefix, besides: bundle.initrdPath)
        return bundle
    }

    /// An initramfs that has been made.
    struct Packed {
        var agent: BaseImageBundle.Agent
        var fileName: String
        var sha256: String

        func enter(into bundle: inout BaseImageBundle) {
            bundle.agent = agent
            bundle.initrdPath = "\(bundle.bundleDir)/\(fileName)"
            bundle.checksums?.initrdSha256 = sha256
        }
    }

    /// Makes one.
    ///
    /// - Parameters:
    ///   - staging: An existing directory for it, and for what is made on the way.
    ///   - modules: An archive that it begins with. Nil: the directories that the agent needs, for kernels that have all built in.
    func pack(in staging: String, modules: String?) async throws -> Packed {
        let digest = try await Checksum.sha256(ofFile: agent.path)
        let initrd = "\(staging)/\(Self.fileName(ofAgent: digest))"
        let archive = "\(staging)/agent.cpio"
        let base = "\(staging)/base.cpio"
        if modules == nil {
            let tree = try ImageTree(root: "\(staging)/base")
            for directory in Initramfs.directories { try tree.directory(directory) }
            try await Initramfs().pack(tree.root, to: base)
            try FileTree.removeAll(tree.root)
        }
        try await Initramfs().packAgent(agent.path, to: archive, in: staging)
        try File.concatenate([modules ?? base, archive], to: initrd, mode: 0o644)
        try FileTree.removeAll(archive)
        try FileTree.removeAll(base)
        return packed(digest, initrdSha256: try await Checksum.sha256(ofFile: initrd))
    }

    private func packed(_ agentSha256: String, initrdSha256: String) -> Packed {
        Packed(
            agent: .init(path: agent.path, sha256: agentSha256, identity: agent.identity),
            fileName: Self.fileName(ofAgent: agentSha256), sha256: initrdSha256)
    }

    private static func fileName(ofAgent sha256: String) -> String {
        "\(prefix)\(sha256.prefix(16)).cpio"
    }
}
