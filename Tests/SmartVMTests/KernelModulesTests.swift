import Testing

@testable import SmartVM

@Suite("Kernel modules")
struct KernelModulesTests {
    static let modules = KernelModules(
        dependencies: """
            kernel/drivers/virtio/virtio_ring.ko:
            kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
            kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
            kernel/fs/overlayfs/overlay.ko:
            """)

    @Test("what a module needs comes before it, and nothing comes twice")
    func order() {
        #expect(
            Self.modules.loadOrder(["virtio_rng", "overlay", "virtio"]) == [
                "kernel/drivers/virtio/virtio_ring.ko", "kernel/drivers/virtio/virtio.ko",
                "kernel/drivers/char/hw_random/virtio-rng.ko", "kernel/fs/overlayfs/overlay.ko",
            ])
        #expect(Self.modules.loadOrder(["ext4"]).isEmpty)
    }

    @Test("dependencies are written as they were read")
    func dependencies() {
        let chosen = Self.modules.loadOrder(["virtio"])
        #expect(
            Self.modules.dependencies(of: chosen)
                == "kernel/drivers/virtio/virtio_ring.ko:\nkernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko\n"
        )
    }

    @Test("a signature is cut off, and nothing else")
    func signature() {
        let code: [UInt8] = [1, 2, 3, 4]
        let marker = Array("~Module signature appended~\n".utf8)
        let signed = code + [9, 9, 9] + [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3] + marker
        #expect(KernelModules.withoutSignature(signed) == code)
        #expect(KernelModules.withoutSignature(code) == code)
        // A length that reaches beyond the beginning.
        let hostile = code + [0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff] + marker
        #expect(KernelModules.withoutSignature(hostile) == hostile)
        #expect(KernelModules.withoutSignature(marker) == marker)
    }

    @Test("the kernel's package is found among the dependencies of a record")
    func dependencyOfRecord() {
        let record = """
            Package: linux-image-cloud-amd64
            Depends: foo (>= 1) | bar, linux-image-6.1.0-42-cloud-amd64 (= 6.1.159-1), baz
            Description: linux-image-not-this
            """
        #expect(
            DebianArchive.dependency(inRecord: record, startingWith: "linux-image-")
                == "linux-image-6.1.0-42-cloud-amd64")
        #expect(DebianArchive.dependency(inRecord: "Description: linux-image-x", startingWith: "linux-image-") == nil)
    }
}
