/// The programs that images are made with: all of Debian, listed in scripts/packages too.
extension Tool {
    static let aptGet = Tool(name: "apt-get", purpose: "get Debian's packages", package: "apt")
    static let aptCache = Tool(name: "apt-cache", purpose: "get Debian's packages", package: "apt")
    static let aptConfig = Tool(name: "apt-config", purpose: "get Debian's packages", package: "apt")
    static let dpkgDeb = Tool(name: "dpkg-deb", purpose: "unpack Debian's packages", package: "dpkg")
    static let depmod = Tool(name: "depmod", purpose: "find out which kernel modules need each other", package: "kmod")
    static let cpio = Tool(name: "cpio", purpose: "make an initramfs", package: "cpio")
    static let strip = Tool(name: "strip", purpose: "make an initramfs", package: "binutils")
    static let mke2fs = Tool(name: "mke2fs", purpose: "make a root file system", package: "e2fsprogs")
    static let debugfs = Tool(name: "debugfs", purpose: "make a root file system", package: "e2fsprogs")

    /// All that the `minimal` image needs.
    static let forImages = [
        aptGet, aptCache, aptConfig, dpkgDeb, depmod, cpio, strip, mke2fs, debugfs, Compression.lz4.tool,
        Compression.xz.tool,
    ]
}
