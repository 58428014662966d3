import Testing

@testable import GuestAgent

@Suite("Boot")
struct BootTests {
    @Test("the kernel's command line names the root")
    func commandLine() {
        let plain = KernelCommandLine("console=ttyS0 reboot=k\n")
        #expect(plain.root == nil)
        #expect(plain.overlay == .memory)

        let full = KernelCommandLine(
            "smartvm.root=/dev/vdb smartvm.rootfstype=squashfs smartvm.overlay=/dev/vdc root=/dev/vda quiet\n")
        #expect(full.root == "/dev/vdb")
        #expect(full.rootType == "squashfs")
        #expect(full.overlay == .device("/dev/vdc"))

        #expect(KernelCommandLine("root=/dev/vda rw").root == "/dev/vda")
        #expect(KernelCommandLine("root=PARTUUID=1234-01").root == nil)
        #expect(KernelCommandLine("smartvm.overlay=none").overlay == .none)
        #expect(KernelCommandLine("smartvm.root=/dev/vda smartvm.root=/dev/vdb").root == "/dev/vdb")
        #expect(KernelCommandLine("x=\"a smartvm.root=/dev/bad\" smartvm.root= =").root == nil)
    }

    @Test("a list of modules for a type of virtio device is known by its name, and the type of a device by its file")
    func virtioTypes() {
        #expect(ModuleList.virtioType(ofFile: "smartvm-virtio-27.conf") == 27)
        #expect(ModuleList.virtioType(ofFile: "virtio-4.conf") == 4)
        for name in [
            "smartvm.conf", "smartvm-late.conf", "virtio.conf", "virtio-x.conf", "27.conf", "virtio-27-x.conf",
        ] {
            #expect(ModuleList.virtioType(ofFile: name) == nil, "\(name)")
        }
        #expect(VirtioDevices.number(Array("0x001b\n".utf8)) == 27)
        #expect(VirtioDevices.number(Array("27\n".utf8)) == nil)
        #expect(VirtioDevices.number([]) == nil)
    }

    @Test("file systems are known by their superblocks")
    func superblocks() {
        func image(_ offset: Int, _ magic: [UInt8]) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: Superblock.fullLength)
            bytes.replaceSubrange(offset..<(offset + magic.count), with: magic)
            return bytes
        }
        #expect(Superblock.fileSystemType(image(1080, [0x53, 0xef])) == "ext4")
        #expect(Superblock.fileSystemType(image(0, Array("hsqs".utf8))) == "squashfs")
        #expect(Superblock.fileSystemType(image(1024, [0xe2, 0xe1, 0xf5, 0xe0])) == "erofs")
        #expect(Superblock.fileSystemType(image(0, Array("XFSB".utf8))) == "xfs")
        #expect(Superblock.fileSystemType(image(65600, Array("_BHRfS_M".utf8))) == "btrfs")
        #expect(Superblock.fileSystemType(image(0, [])) == nil)
        #expect(Superblock.fileSystemType([]) == nil)
        #expect(Superblock.fileSystemType([UInt8](repeating: 0x53, count: 1081)) == nil)
    }

    static let index = ModuleIndex(
        Array(
            """
            kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
            kernel/drivers/virtio/virtio_ring.ko:
            kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
            kernel/net/virtio_net.ko: kernel/net/net_failover.ko kernel/net/failover.ko
            a line without a colon

            """.utf8))

    @Test("what a module needs is loaded before it")
    func dependencies() {
        #expect(Self.index.files(for: "virtio_ring") == ["kernel/drivers/virtio/virtio_ring.ko"])
        #expect(
            Self.index.files(for: "virtio_rng") == [
                "kernel/drivers/virtio/virtio_ring.ko", "kernel/drivers/virtio/virtio.ko",
                "kernel/drivers/char/hw_random/virtio-rng.ko.xz",
            ])
        #expect(Self.index.files(for: "virtio-net")?.last == "kernel/net/virtio_net.ko")
        #expect(Self.index.files(for: "virtio_ne") == nil)
        #expect(Self.index.files(for: "") == nil)
        #expect(ModuleIndex([]).files(for: "virtio") == nil)
    }

    @Test("a list of modules has comments and blanks")
    func lists() {
        let text = "# comment\nvirtio_mmio\n\n  overlay  # no comment, but not part of the name\n;old\nlast"
        #expect(ModuleList.names(Array(text.utf8)) == ["virtio_mmio", "overlay", "last"])
    }
}
