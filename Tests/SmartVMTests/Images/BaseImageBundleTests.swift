import Foundation
import Testing

@testable import SmartVM

@Suite("The manifest of an image")
struct BaseImageBundleTests {
    static var everything: [String: Any] {
        [
            "preset": "lts", "arch": "x86_64", "ciVersion": "v1.7", "firecrackerVersion": "v1.7.0", "bundleId": "old",
            "bundleDir": "/cache/old", "kernelImagePath": "/cache/old/vmlinux", "initrdPath": "/cache/old/initrd",
            "rootfsPath": "/cache/old/rootfs.ext4", "rootfsType": "ext4", "rootfsIsReadOnly": false,
            "bootArgs": "console=ttyS0 reboot=k panic=1 pci=off",
            "source": [
                "type": "hosted-manifest", "bucketUrl": "https://s3.amazonaws.com/spec.ccfc.min", "kernelKey": "kernel",
                "rootfsKey": "rootfs", "manifestPath": "/m.json", "manifestUrl": "https://example.com/m.json",
                "packages": ["busybox-static=1"],
            ],
            "createdAt": "2024-01-01T00:00:00.000Z", "lastAccessedAt": "2024-01-02T00:00:00.000Z",
            "checksums": ["kernelSha256": "aa", "rootfsSha256": "bb", "initrdSha256": "cc"],
            "agent": ["path": "/usr/bin/smartvm-guest", "sha256": "dd", "identity": "1-2-3-4"],
        ]
    }

    @Test("every key survives reading and writing, and no other appears")
    func roundTrip() throws {
        let text = try JSONSerialization.data(withJSONObject: Self.everything)
        let bundle = try JSONDecoder().decode(BaseImageBundle.self, from: text)
        let written = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(bundle))
        #expect(written as? NSDictionary == Self.everything as NSDictionary)
        #expect(bundle.preset == BaseImagePreset(rawValue: "lts"))
        #expect(bundle.checksums?.initrdSha256 == "cc")
    }

    @Test("what does not apply may be absent, and stays so")
    func optional() throws {
        var manifest = Self.everything
        for key in ["initrdPath", "checksums", "agent"] { manifest[key] = nil }
        manifest["source"] = ["bucketUrl": "b", "kernelKey": "k", "rootfsKey": "r"]
        let bundle = try JSONDecoder().decode(
            BaseImageBundle.self, from: try JSONSerialization.data(withJSONObject: manifest))
        let written = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(bundle))
        #expect(written as? NSDictionary == manifest as NSDictionary)
    }

    @Test(
        "a manifest without one of the other keys is refused",
        arguments: everything.keys.filter { !["initrdPath", "checksums", "agent"].contains($0) })
    func missing(key: String) throws {
        var manifest = Self.everything
        manifest[key] = nil
        let text = try JSONSerialization.data(withJSONObject: manifest)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(BaseImageBundle.self, from: text) }
    }
}
