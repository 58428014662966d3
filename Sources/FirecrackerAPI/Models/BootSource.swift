/// What is booted: the body of `PUT /boot-source`.
public struct BootSource: WireModel {
    /// Path of an uncompressed ELF kernel (x86_64) or a PE image (aarch64).
    public var kernelImagePath: String
    /// Path of an initial RAM disk.
    public var initrdPath: String?
    /// The kernel's command line, at most 2047 bytes. Default: ``defaultBootArgs``.
    public var bootArgs: String?

    /// Each parameter sets the property of its name, which says what it means.
    public init(kernelImagePath: String, initrdPath: String? = nil, bootArgs: String? = nil) {
        self.kernelImagePath = kernelImagePath
        self.initrdPath = initrdPath
        self.bootArgs = bootArgs
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "BootSourceConfig", initial: BootSource(kernelImagePath: ""),
        [
            .required("kernel_image_path", \.kernelImagePath),
            .optional("initrd_path", \.initrdPath),
            .optional("boot_args", \.bootArgs),
        ])
}

extension BootSource {
    /// The kernel's command line where none is given.
    public static let defaultBootArgs =
        "reboot=k panic=1 nomodule 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce"

    /// The longest command line, in bytes.
    public static let maximumBootArgsLength = 2047
}
