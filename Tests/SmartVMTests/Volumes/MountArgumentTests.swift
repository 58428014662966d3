import Foundation
import Testing

@testable import SmartVM

/// What people write, and what it means; no files.
@Suite("Places of copies and mounts")
struct MountArgumentTests {
    @Test(
        "one side of a copy is a VM's file, a file of this host, or an archive",
        arguments: [
            ("web:/etc/motd", CopyPlace.guest(vm: "web", path: "/etc/motd")),
            ("web:etc", .guest(vm: "web", path: "etc")), ("web:/a:b", .guest(vm: "web", path: "/a:b")),
            ("./a:b", .host("./a:b")), ("/a:b", .host("/a:b")), ("dir/a:b", .host("dir/a:b")), ("file", .host("file")),
            (".", .host(".")), ("-", .stream), ("./-", .host("./-")), ("a:-", .guest(vm: "a", path: "-")),
        ] as [(String, CopyPlace)])
    func copyPlaces(text: String, place: CopyPlace) {
        #expect(CopyPlace(text) == place)
        #expect(place.description == text)
    }

    @Test("what names no file is none", arguments: ["", ":", ":/path", "web:"])
    func noCopyPlaces(text: String) {
        #expect(CopyPlace(text) == nil)
    }

    @Test(
        "a volume is a name or a file, and a place in the guest",
        arguments: [
            ("data:/srv", SandboxVolume(source: "data", path: "/srv")),
            ("data:/srv:ro", SandboxVolume(source: "data", path: "/srv", isReadOnly: true)),
            ("./disk.ext4:/srv", SandboxVolume(source: "./disk.ext4", path: "/srv")),
            ("/a:b/c:/srv:ro", SandboxVolume(source: "/a:b/c", path: "/srv", isReadOnly: true)),
        ])
    func volumes(text: String, volume: SandboxVolume) {
        #expect(SandboxVolume(text) == volume)
        #expect(volume.description == text)
        #expect(volume.isFile == text.hasPrefix("/") || text.hasPrefix("."))
    }

    @Test(
        "what is no volume is none", arguments: ["", "data", "data:", ":/srv", "data:srv", "a:b:/srv", "data:/srv:rx"])
    func noVolumes(text: String) {
        #expect(SandboxVolume(text) == nil)
    }

    @Test("rw is what a volume is anyway, and a copy has a directory and a place")
    func others() {
        #expect(SandboxVolume("data:/srv:rw") == SandboxVolume(source: "data", path: "/srv"))
        #expect(SandboxCopyIn("./a:b:/srv") == SandboxCopyIn(directory: "./a:b", path: "/srv"))
        for text in ["", "dir", ":/srv", "dir:srv", "dir:"] { #expect(SandboxCopyIn(text) == nil) }
    }

    @Test("places in the guest have one form, and some are the guest's own")
    func mountPaths() throws {
        #expect(try MountPath.checked("//srv/./data/", "it") == "/srv/data")
        #expect(try MountPath.checked("/process/x", "it") == "/process/x")
        let long = "/" + String(repeating: "x", count: 256)
        for path in ["", "srv", "/", "//", "/.", "/a/../b", "/proc", "/proc/sys", "/sys/", "//dev", "/a\0b", long] {
            let error = #expect(throws: SmartVMError.self) { try MountPath.checked(path, "The volume data") }
            #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("The volume data") == true)
        }
    }

    @Test("a configuration with volumes is written and read, and one without is as it was before there were any")
    func codable() throws {
        var config = SandboxConfig(vm: VMConfig(id: "web", image: "minimal"))
        let before = String(decoding: try JSONEncoder().encode(config), as: UTF8.self)
        #expect(!before.contains("volumes") && !before.contains("copyIns"))
        config.volumes = [SandboxVolume(source: "data", path: "/srv", isReadOnly: true)]
        config.copyIns = [SandboxCopyIn(directory: "/a", path: "/b")]
        #expect(try JSONDecoder().decode(SandboxConfig.self, from: JSONEncoder().encode(config)) == config)
    }

    @Test("paths of this host are made absolute when a sandbox is made")
    func absolutePaths() throws {
        var config = SandboxConfig(vm: VMConfig(id: "web", image: "minimal"))
        config.vm.bootSource = .init(kernelImagePath: "k", initrdPath: "./i")
        config.vm.drives = [.init(driveId: "d", pathOnHost: "dir/d.ext4"), .init(driveId: "s", socket: "s.sock")]
        config.vm.pmem = [.init(id: "p", pathOnHost: "/already/p")]
        config.vm.logger = .init(logPath: "log")
        config.vmm = "./vmm"
        config.volumes = [SandboxVolume(source: "./none.ext4", path: "/v/"), SandboxVolume(source: "name", path: "/n")]
        config.copyIns = [SandboxCopyIn(directory: ".", path: "/c")]
        let settled = try config.settled()
        let here = FileManager.default.currentDirectoryPath
        #expect(
            settled.vm.bootSource?.kernelImagePath == "\(here)/k" && settled.vm.bootSource?.initrdPath == "\(here)/i")
        #expect(settled.vm.drives.map(\.pathOnHost) == ["\(here)/dir/d.ext4", nil])
        #expect(settled.vm.drives.map(\.socket) == [nil, "\(here)/s.sock"])
        #expect(settled.vm.pmem.first?.pathOnHost == "/already/p" && settled.vm.logger?.logPath == "\(here)/log")
        #expect(settled.vmm == "\(here)/vmm" && settled.copyIns.first?.directory == here)
        #expect(settled.volumes.map(\.source) == ["\(here)/none.ext4", "name"] && settled.volumes.first?.path == "/v")
        #expect(try settled.settled() == settled)
        config.vmm = "qemu"
        #expect(try config.settled().vmm == "qemu")
    }

    @Test("what cannot be mounted is refused")
    func refusals() throws {
        let config = SandboxConfig(vm: VMConfig(id: "web", image: "minimal"))
        var places = config
        places.volumes = [SandboxVolume(source: "a", path: "/x/")]
        places.copyIns = [SandboxCopyIn(directory: "/tmp", path: "/x")]
        var twice = config
        twice.volumes = [
            SandboxVolume(source: "a", path: "/x"), SandboxVolume(source: "a", path: "/y", isReadOnly: true),
        ]
        var name = config
        name.volumes = [SandboxVolume(source: "-a", path: "/x")]
        var agent = config
        agent.vm.image = nil
        agent.vm.bootSource = .init(kernelImagePath: "/k")
        agent.volumes = [SandboxVolume(source: "a", path: "/x")]
        for config in [places, twice, name, agent] {
            let error = #expect(throws: SmartVMError.self) { try config.settled() }
            #expect(error?.code == .invalidConfiguration)
        }
    }
}
