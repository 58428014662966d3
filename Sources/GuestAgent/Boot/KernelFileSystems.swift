internal import Linux

/// The file systems that the kernel itself fills, and the directories that every program relies on.
enum KernelFileSystems {
    /// Before the root: its devices. The C constructor has mounted /proc.
    static func mountDevices() {
        try? FileTree.makeDirectory("/dev")
        mount("devtmpfs", at: "/dev", [.noSetUserID], "mode=0755")
    }

    /// Where the kernel tells of devices; it moves to the new root.
    static func mountSystem() {
        mount("sysfs", at: "/sys", [.noSetUserID, .noDevices, .noExecute])
    }

    /// In the new root. What fails is said and does not stop the guest: a read-only root may lack a directory.
    static func mountRest() {
        mountSystem()
        mount("devpts", at: "/dev/pts", [.noSetUserID, .noExecute], "gid=5,mode=0620,ptmxmode=0666")
        mount("tmpfs", at: "/dev/shm", [.noSetUserID, .noDevices], "mode=1777")
        mount("tmpfs", at: "/run", [.noSetUserID, .noDevices], "mode=0755")
        mount("cgroup2", at: "/sys/fs/cgroup", [.noSetUserID, .noDevices, .noExecute], isRequired: false)
        makeTemporaryDirectory()
        try? FileTree.makeSymbolicLink("/dev/fd", to: "/proc/self/fd")
        try? FileTree.makeSymbolicLink("/dev/stdin", to: "/proc/self/fd/0")
        try? FileTree.makeSymbolicLink("/dev/stdout", to: "/proc/self/fd/1")
        try? FileTree.makeSymbolicLink("/dev/stderr", to: "/proc/self/fd/2")
    }

    /// /tmp stays on the writable layer, which may be a drive and larger than memory. Where there is none, it is memory after all.
    private static func makeTemporaryDirectory() {
        do throws(Errno) {
            try FileTree.makeDirectory("/tmp", mode: 0o1777)
            try FileTree.setMode("/tmp", 0o1777)
        } catch {
            mount("tmpfs", at: "/tmp", [.noSetUserID, .noDevices], "mode=1777")
        }
    }

    private static func mount(
        _ type: String, at path: String, _ flags: Mount.Flags, _ data: String? = nil, isRequired: Bool = true
    ) {
        do throws(Errno) {
            do throws(Errno) {
                try Mount.mount(type, at: path, type: type, flags, data: data)
            } catch {
                guard error == .noSuchFile else { throw error }
                try FileTree.makeDirectory(path)
                try Mount.mount(type, at: path, type: type, flags, data: data)
            }
        } catch {
            // Busy: it is mounted there already.
            if isRequired, error != .busy { Console.say("\(type) is not mounted at \(path): \(error)") }
        }
    }
}
