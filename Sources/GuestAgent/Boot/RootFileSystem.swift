internal import Linux

/// Makes the root file system that the guest's programs see, and moves there.
///
/// The base is mounted read-only, since many guests share it, and gets a writable layer on top: in memory or on a drive of the
/// guest's own. Then the whole tree takes the place of the initramfs, as switch_root(8) does it: by moving the mount, because
/// pivot_root(2) cannot leave the initial root, and a guest in which it *is* the root could neither pivot nor nest user namespaces.
struct RootFileSystem {
    private static let base = "/base"
    private static let layer = "/layer"
    private static let target = "/sysroot"

    var commandLine: KernelCommandLine
    var modules: ModuleLoader

    /// What is to be made read-only before the machine stops, by descriptors that lead there: the layer is out of sight.
    struct Mounted: ~Copyable {
        var layer: Descriptor?
        /// Whether the initramfs itself is the root, for want of a device.
        var isInitramfs = false
    }

    /// Mounts everything at ``target``.
    func mount() throws(BootFailure) -> Mounted {
        guard let path = commandLine.root ?? defaultRoot() else {
            // The initramfs once more, so that it can be moved, too.
            try makeMountPoint(Self.target)
            try attempt("the initramfs as root") { () throws(Errno) in
                try Mount.mount("/", at: Self.target, type: nil, [.bind])
            }
            return Mounted(layer: nil, isInitramfs: true)
        }
        let device = BlockDevice(path: path)
        try device.waitUntilPresent()
        try makeMountPoint(Self.target)
        if commandLine.overlay == .none {
            try device.mount(at: Self.target, type: commandLine.rootType, readOnly: false, modules: modules)
            return Mounted(layer: nil)
        }
        try makeMountPoint(Self.base)
        try makeMountPoint(Self.layer)
        try device.mount(at: Self.base, type: commandLine.rootType, readOnly: true, modules: modules)
        try mountLayer()
        try mountOverlay()
        return Mounted(layer: try? FileTree.openDirectory(Self.layer))
    }

    private func defaultRoot() -> String? {
        FileTree.exists("/dev/vda") ? "/dev/vda" : nil
    }

    private func mountLayer() throws(BootFailure) {
        switch commandLine.overlay {
        case .none: break
        case .memory:
            try attempt("a tmpfs for the writable layer") { () throws(Errno) in
                try Mount.mount("tmpfs", at: Self.layer, type: "tmpfs", [], data: "mode=0755")
            }
        case .device(let path):
            let device = BlockDevice(path: path)
            try device.waitUntilPresent()
            try device.mount(at: Self.layer, type: "ext4", readOnly: false, modules: modules)
        }
        try makeMountPoint(Self.layer + "/upper")
        try makeMountPoint(Self.layer + "/work")
    }

    private func mountOverlay() throws(BootFailure) {
        let data = "lowerdir=\(Self.base),upperdir=\(Self.layer)/upper,workdir=\(Self.layer)/work"
        do throws(Errno) {
            try overlay(data)
        } catch {
            guard error == .noSuchDevice else {
                throw BootFailure("the writable layer cannot be laid over \(Self.base): \(error)")
            }
            modules.load("overlay")
            do throws(Errno) {
                try overlay(data)
            } catch {
                throw BootFailure(
                    "this kernel has no overlay file system (\(error)); add the module overlay to the initramfs, or say "
                        + "smartvm.overlay=none")
            }
        }
    }

    private func overlay(_ data: String) throws(Errno) {
        try Mount.mount("overlay", at: Self.target, type: "overlay", [], data: data)
    }

    /// Takes /proc and /dev along, and /sys if it is mounted, and makes the mounted tree the root of this process and all later ones.
    func enter() throws(BootFailure) {
        for path in ["/proc", "/dev"] {
            let target = Self.target + path
            try? FileTree.makeDirectory(target)
            try attempt("\(path) in the root file system") { () throws(Errno) in
                try Mount.mount(path, at: target, type: nil, [.move])
            }
        }
        if FileTree.exists("/sys/bus") {
            // Else it is mounted anew.
            try? FileTree.makeDirectory(Self.target + "/sys")
            try? Mount.mount("/sys", at: Self.target + "/sys", type: nil, [.move])
        }
        try attempt("the root file system as /") { () throws(Errno) in
            try FileTree.setCurrentDirectory(Self.target)
            try Mount.mount(".", at: "/", type: nil, [.move])
            try FileTree.setRoot(".")
            try FileTree.setCurrentDirectory("/")
        }
    }

    private func makeMountPoint(_ path: String) throws(BootFailure) {
        try attempt(path) { () throws(Errno) in try FileTree.makeDirectory(path) }
    }

    private func attempt(_ what: String, _ body: () throws(Errno) -> Void) throws(BootFailure) {
        do throws(Errno) { try body() } catch { throw BootFailure("\(what): \(error)") }
    }
}
