internal import FirecrackerAPI
internal import FirecrackerClient
internal import Glibc
internal import GuestProtocol
internal import Linux

extension BootPlan {
    /// Looks whether the files that a configuration names can be used for what they are to be.
    static func checkFiles(of config: VMConfig) throws(SmartVMError) {
        if let path = config.bootSource?.kernelImagePath { try requireFile(path, "kernel") }
        if let path = config.bootSource?.initrdPath { try requireFile(path, "initramfs") }
        for drive in config.drives {
            guard let path = drive.pathOnHost else { continue }
            try requireFile(path, "drive \(drive.driveId)", isWritable: !drive.isReadOnly)
            // A partition table comes before the file system of a partition.
            if drive.isRootDevice, drive.partuuid == nil, config.image != nil || config.bootSource?.initrdPath != nil {
                _ = try RootFileSystem.check(path)
            }
        }
        for device in config.pmem {
            try requireFile(device.pathOnHost, "pmem device \(device.id)", isWritable: !device.readOnly)
        }
    }

    private static func requireFile(
        _ path: String, _ what: String, isWritable: Bool = false
    ) throws(SmartVMError) {
        do throws(Errno) {
            let status = try FileStatus(of: path)
            if status.kind == .directory { throw .isDirectory }
            _ = try Descriptor.open(path, isWritable ? O_RDWR : O_RDONLY)
        } catch {
            throw SmartVMError(
                .invalidFile, "The \(what) \(path) cannot be used: \(error).",
                cure: isWritable && [.permissionDenied, .readOnlyFileSystem].contains(error)
                    ? "It is to be written: make it writable, or the device read-only." : nil,
                underlying: error)
        }
    }

    /// Memory that cannot hold the kernel, or that the host does not have, would fail later in words that say less.
    func checkMemory() throws(SmartVMError) {
        let wanted = Int64(clamping: machineConfig.memSizeMib)
        let files = [bootSource.kernelImagePath, bootSource.initrdPath].compactMap { $0 }
        let bytes = files.reduce(Int64(0)) { sum, path in sum + ((try? FileStatus(of: path).size) ?? 0) }
        let least = bytes >> 20 + Self.workingMebibytes
        guard wanted >= least else {
            throw SmartVMError(
                .invalidConfiguration,
                "\(wanted) MiB of memory is too little: kernel and initramfs alone take \(bytes >> 20) MiB.",
                cure: "Give the VM at least \(least) MiB: --memory \(least).")
        }
        guard let host = HostMemory.totalMebibytes, wanted <= host else {
            throw SmartVMError(
                .invalidConfiguration,
                "\(wanted) MiB of memory is more than this machine has (\(HostMemory.totalMebibytes ?? 0) MiB).",
                cure: "Give the VM less: --memory.")
        }
    }

    /// The path that was given may have been a relative one, and the guest's own connections arrive at longer ones.
    func checkVsockPath() throws(SmartVMError) {
        guard let vsockPath else { return }
        let longest = vsockPath.utf8.count + 1 + String(VsockPort.session).utf8.count
        guard longest > 107 else { return }
        throw SmartVMError(
            .invalidConfiguration,
            "The socket \(vsockPath) of vsock.udsPath is too long: with the port that the guest's agent calls it has "
                + "\(longest) bytes, and a socket's path has at most 107.",
            cure: "Choose a shorter path.")
    }

    /// What a Linux guest needs beside its kernel and initramfs to get as far as a command: the initramfs a second time, unpacked,
    /// and what the kernel reserves. The image `minimal` boots with 26 and panics with 22.
    private static let workingMebibytes: Int64 = 32
}

/// How much memory the host has.
enum HostMemory {
    static var totalMebibytes: Int64? {
        guard let text = try? File.readText("/proc/meminfo") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("MemTotal:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 >> 10 }
        }
        return nil
    }
}
