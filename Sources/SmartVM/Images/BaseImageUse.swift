internal import FirecrackerClient
internal import Linux

/// Keeps an image in the cache for as long as this value lives: for whoever runs a VM from it. When its process is killed, the kernel
/// takes it back.
public final class BaseImageUse: Sendable {
    /// The image.
    public let bundle: BaseImageBundle
    private let lock: FileLock

    /// The lock as a descriptor: a process that is given a copy keeps the image, too.
    var lockDescriptor: Int32 { lock.descriptor.rawValue }

    /// - Throws: `IMAGE_NOT_FOUND` if the image has just gone.
    init(_ bundle: BaseImageBundle) throws(SmartVMError) {
        do throws(Errno) {
            // The lock is on the directory itself: another image of that name would have another one.
            let lock = try FileLock(directory: bundle.bundleDir, .shared)
            guard lock.isInPlace(bundle.bundleDir) else { throw .noSuchFile }
            self.lock = lock
        } catch {
            throw SmartVMError(
                .imageNotFound, "The image \(bundle.bundleId) has just been removed.", underlying: error)
        }
        self.bundle = bundle
    }
}
