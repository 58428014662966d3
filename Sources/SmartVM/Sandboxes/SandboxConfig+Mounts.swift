internal import FirecrackerClient
internal import Linux

// Paths of the host, and what is mounted in the guest.
extension SandboxConfig {
    /// The same as it is kept: paths of this host absolute, so that a start means the same files wherever it is run, and paths in the
    /// guest in one form.
    ///
    /// - Throws: `INVALID_CONFIG` for a place in the guest where nothing can be mounted, or not twice, and for a volume without a name.
    func settled() throws(SmartVMError) -> SandboxConfig {
        var config = self
        config.vm = vm.withAbsolutePaths()
        if let vmm, vmm.contains("/") { config.vmm = HostPath.absolute(vmm) }
        for index in volumes.indices {
            let volume = volumes[index]
            config.volumes[index].path = try MountPath.checked(volume.path, "The volume \(volume.source)")
            if volume.isFile {
                let path = HostPath.absolute(volume.source)
                // Another name of the same file is the same volume.
                config.volumes[index].source = File.realPath(path) ?? path
            } else {
                try VolumeDirectory.check(volume.source)
            }
        }
        for index in copyIns.indices {
            let copy = copyIns[index]
            config.copyIns[index].path = try MountPath.checked(copy.path, "The directory \(copy.directory)")
            config.copyIns[index].directory = HostPath.absolute(copy.directory)
        }
        try config.checkMounts()
        return config
    }

    private func checkMounts() throws(SmartVMError) {
        guard !volumes.isEmpty || !copyIns.isEmpty else { return }
        guard hasAgent else {
            throw SmartVMError(
                .invalidConfiguration, "A sandbox with volumes or copies of directories needs the agent in its guest.",
                cure: "Give it an image, or an initramfs whose /init is smartvm-guest.")
        }
        if let source = Self.firstRepeated(volumes.map(\.source)) {
            throw SmartVMError(
                .invalidConfiguration, "The volume \(source) is named twice.", cure: "Mount it in one place.")
        }
        if let path = Self.firstRepeated(volumes.map(\.path) + copyIns.map(\.path)) {
            throw SmartVMError(
                .invalidConfiguration, "Two things are to be mounted at \(path).", cure: "Choose another place for one."
            )
        }
    }

    private static func firstRepeated(_ texts: [String]) -> String? {
        var seen: Set<String> = []
        return texts.first { !seen.insert($0).inserted }
    }
}
