internal import Glibc
internal import Linux

/// A block device that holds a file system.
struct BlockDevice {
    var path: String

    /// How long a device may take to appear: its driver probes it while the guest already runs.
    static let deadlineMilliseconds = 3000

    /// Waits until the device is there.
    func waitUntilPresent() throws(BootFailure) {
        var waited = 0
        while true {
            if let attributes = try? FileTree.attributes(of: path) {
                if attributes.isBlockDevice { return }
                throw BootFailure("\(path) is not a block device; name one, for example /dev/vda")
            }
            if waited >= Self.deadlineMilliseconds {
                throw BootFailure(
                    "\(path) did not appear within \(Self.deadlineMilliseconds / 1000) s: no such drive is attached, or the "
                        + "initramfs lacks the driver (virtio_mmio or virtio_pci, virtio_blk); attach the drive or add the modules"
                )
            }
            usleep(5000)
            waited += 5
        }
    }

    /// The path of the partition that has a UUID, which may take its time to appear.
    static func partition(_ uuid: String) throws(BootFailure) -> String {
        for _ in stride(from: 0, through: deadlineMilliseconds, by: 20) {
            for name in ((try? FileTree.names(at: "/dev")) ?? []).sorted() where isDisk(name) {
                guard let device = try? Descriptor.open("/dev/\(name)", O_RDONLY),
                    let sectors = try? beginning(of: device, length: PartitionTable.length),
                    let number = PartitionTable(sectors).number(of: uuid)
                else { continue }
                return "/dev/\(name)\(number)"
            }
            usleep(20_000)
        }
        throw BootFailure(
            "no partition of an attached drive has the PARTUUID \(uuid); name one that there is, or the drive: root=/dev/vda"
        )
    }

    /// A whole drive: `vda`, and not `vda1`.
    private static func isDisk(_ name: String) -> Bool {
        name.utf8.starts(with: "vd".utf8)
            && name.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
    }

    /// What its superblock says it is.
    func fileSystemType() throws(BootFailure) -> String {
        do throws(Errno) {
            let device = try Descriptor.open(path, O_RDONLY)
            if let type = Superblock.fileSystemType(try Self.beginning(of: device, length: Superblock.shortLength)) {
                return type
            }
            if let type = Superblock.fileSystemType(try Self.beginning(of: device, length: Superblock.fullLength)) {
                return type
            }
        } catch {
            throw BootFailure("\(path) cannot be read: \(error)")
        }
        throw BootFailure(
            "\(path) holds no file system that is known (ext4, squashfs, erofs, xfs, btrfs); attach an image of one, "
                + "or say smartvm.rootfstype=TYPE")
    }

    /// Mounts it, loading the file system's module if the kernel lacks it.
    ///
    /// - Parameter readOnly: If it is false and the device allows no writes, it is mounted read-only all the same.
    func mount(at target: String, type: String?, readOnly: Bool, modules: ModuleLoader) throws(BootFailure) {
        let type = if let type { type } else { try fileSystemType() }
        var flags: Mount.Flags = readOnly ? [.readOnly] : []
        var isLoaded = false
        while true {
            do throws(Errno) {
                return try Mount.mount(path, at: target, type: type, flags)
            } catch {
                if error == .noSuchDevice, !isLoaded {
                    modules.load(type)
                    isLoaded = true
                } else if error == .permissionDenied || error == .readOnlyFileSystem, !flags.contains(.readOnly) {
                    flags.insert(.readOnly)
                } else if error == .readOnlyFileSystem {
                    throw BootFailure(
                        "\(path) was not unmounted in good order and cannot be put right read-only; mount it writable once"
                    )
                } else if error == .noSuchDevice {
                    throw BootFailure(
                        "\(path) is \(type), which this kernel does not know; add the module \(type) to the initramfs")
                } else {
                    throw BootFailure("\(path) cannot be mounted as \(type): \(error); check the image (fsck)")
                }
            }
        }
    }

    private static func beginning(of device: borrowing Descriptor, length: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: length)
        let value = device.rawValue
        let count = try systemCall { bytes.withUnsafeMutableBytes { pread(value, $0.baseAddress, $0.count, 0) } }
        return Array(bytes[..<count])
    }
}
