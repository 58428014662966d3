internal import FirecrackerAPI
internal import FirecrackerClient
internal import Linux

/// The files that a VMM is to open, in its jail.
extension Jail {
    private enum Use {
        case read, written
        /// By the VMM while it starts; a file of a few megabytes.
        case readOnce
    }

    /// The same requests with paths as the VMM sees them, for which the files are put into the jail. To be called before the jailer runs,
    /// which takes along what is mounted then. Blocks the thread.
    ///
    /// - Throws: `JAIL_FAILED` that names the file.
    func admit(_ requests: [APIRequest]) throws(SmartVMError) -> [APIRequest] {
        var admitted: [APIRequest] = []
        for request in requests { admitted.append(try admitFiles(of: request)) }
        return admitted
    }

    private func admitFiles(of request: APIRequest) throws(SmartVMError) -> APIRequest {
        switch request {
        case .putBootSource(var source):
            source.kernelImagePath = try admit(source.kernelImagePath, as: "kernel", .readOnce)
            if let path = source.initrdPath { source.initrdPath = try admit(path, as: "initrd", .readOnce) }
            return .putBootSource(source)
        case .putDrive(var drive):
            let name = "drive-\(drive.driveId)"
            if let path = drive.pathOnHost {
                drive.pathOnHost = try admit(path, as: name, drive.isReadOnly == true ? .read : .written)
            }
            if let path = drive.socket { drive.socket = try admit(path, as: name, .written) }
            return .putDrive(drive)
        case .putPmem(var device):
            device.pathOnHost = try admit(
                device.pathOnHost, as: "pmem-\(device.id)", device.readOnly ? .read : .written)
            return .putPmem(device)
        case .putVsock(var vsock):
            vsock.udsPath = JailLayout.vsock
            return .putVsock(vsock)
        case .putLogger(var logger):
            if let path = logger.logPath { logger.logPath = try admitOutput(path, as: "logger") }
            return .putLogger(logger)
        case .putMetrics(var metrics):
            metrics.metricsPath = try admitOutput(metrics.metricsPath, as: "metrics")
            return .putMetrics(metrics)
        case .putSerial(var serial):
            if let path = serial.serialOutPath { serial.serialOutPath = try admitOutput(path, as: "serial") }
            return .putSerial(serial)
        case .loadSnapshot(var load):
            load.snapshotPath = try admit(load.snapshotPath, as: "snapshot", .read)
            if let path = load.memFilePath { load.memFilePath = try admit(path, as: "memory", .read) }
            if let backend = load.memBackend {
                load.memBackend?.backendPath = try admit(backend.backendPath, as: "memory", .read)
            }
            if load.vsockOverride != nil { load.vsockOverride?.udsPath = JailLayout.vsock }
            return .loadSnapshot(load)
        default:
            return request
        }
    }

    /// A file that the VMM appends to; it is made if it is not there.
    private func admitOutput(_ path: String, as name: String) throws(SmartVMError) -> String {
        if !File.exists(path) {
            do throws(Errno) { try File.write([], to: path) } catch { throw failure(path, error) }
        }
        return try admit(path, as: name, .written)
    }

    /// Puts one file into the jail.
    ///
    /// - Returns: Its path within.
    private func admit(_ path: String, as name: String, _ use: Use) throws(SmartVMError) -> String {
        // A link's own name would lead nowhere in the jail.
        guard let real = File.realPath(path) else { throw failure(path, .noSuchFile) }
        let place = "\(layout.root)/\(name)"
        do throws(Errno) {
            var status = try FileStatus(of: real)
            if use == .written, !user.canWrite(status) {
                try FileTree.setOwner(real, user.uid, user.gid)
                status = try FileStatus(of: real)
            }
            if user.canRead(status), use != .written || user.canWrite(status) {
                try show(real, at: place, isReadOnly: use != .written)
                return "/\(name)"
            }
            if use == .readOnce {
                try File.concatenate([real], to: place, mode: 0o400)
                try own(place)
                return "/\(name)"
            }
        } catch {
            throw failure(path, error)
        }
        throw SmartVMError(
            .jailFailed,
            "\(path) cannot be \(use == .written ? "written" : "read") by user \(user.uid), group \(user.gid), as which "
                + "the VMM is to run.",
            cure: "chmod o+\(use == .written ? "rw" : "r") \(path)")
    }

    /// Lets a file be seen at a second place. Nothing of it is copied.
    private func show(_ path: String, at place: String, isReadOnly: Bool) throws(Errno) {
        do throws(Errno) {
            try File.link(path, to: place)
        } catch {
            // On another file system, or on one that has no links, or that has been given as many as it takes.
            guard error != .fileExists, error != .noSuchFile else { throw error }
            try File.write([], to: place)
            try Mount.mount(path, at: place, type: nil, [.bind])
            if isReadOnly { try Mount.mount("none", at: place, type: nil, [.bind, .remount, .readOnly]) }
        }
    }

    private func failure(_ path: String, _ error: Errno) -> SmartVMError {
        SmartVMError(
            .jailFailed, "\(path) cannot be put into the jail \(layout.directory): \(error).",
            cure: error == .noSuchFile ? "Check the path." : nil, underlying: error)
    }
}

/// A user as the kernel sees one who opens a file.
struct FileUser: Hashable, Sendable {
    var uid: UInt32
    var gid: UInt32

    func canRead(_ file: FileStatus) -> Bool { hasBits(4, file) }
    func canWrite(_ file: FileStatus) -> Bool { hasBits(6, file) }

    /// Whether the mode has all of `bits` for this user.
    private func hasBits(_ bits: UInt32, _ file: FileStatus) -> Bool {
        if uid == 0 { return true }
        let shift: UInt32 = file.owner == uid ? 6 : file.group == gid ? 3 : 0
        return file.mode >> shift & bits == bits
    }
}
