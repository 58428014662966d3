import FirecrackerAPI
import Glibc
import Linux
import Testing

@testable import SmartVM

/// A data directory with a VM's runtime directory, a VMM, a jailer and a place for jails.
private struct JailHost {
    let root: String
    let directories: RuntimeDirectories
    var config: JailerConfig
    let vmm: String
    let cgroups = ControlGroups(mounts: "cgroup2 /nowhere cgroup2 rw 0 0\n")

    init(_ root: String) throws {
        self.root = root
        directories = RuntimeDirectories(dataDirectory: "\(root)/d")
        vmm = "\(root)/bin/firecracker-v1.16.1"
        try FileTree.makeDirectory("\(root)/bin")
        for name in ["firecracker-v1.16.1", "jailer"] {
            try File.write(Array("#!/bin/sh\n".utf8), to: "\(root)/bin/\(name)", mode: 0o755)
        }
        try FileTree.makeSymbolicLink("\(root)/bin/firecracker", to: "firecracker-v1.16.1")
        try FileTree.makeDirectories("\(root)/j")
        config = JailerConfig(uid: 4242, gid: 4243, chrootBaseDir: "\(root)/j")
    }

    func jail(_ directory: RuntimeDirectory, isRoot: Bool = true, vm: String = "web") throws(SmartVMError) -> Jail {
        try Jail(
            config, executable: "\(root)/bin/firecracker", vm: vm, directory: directory,
            environment: HostEnvironment(variables: ["PATH": "/nowhere"], user: 0), cgroups: cgroups, isRoot: isRoot)
    }
}

@Suite("Jails")
struct JailTests {
    @Test("the jailer is given these arguments")
    func arguments() throws {
        var config = JailerConfig(uid: 1000, gid: 100)
        var layout = JailLayout(
            config: config, jailer: "/usr/bin/jailer", executable: "/opt/firecracker-v1", id: "web-01",
            cgroupVersion: .v2)
        #expect(
            layout.jailerArguments() == [
                "--id", "web-01", "--exec-file", "/opt/firecracker-v1", "--uid", "1000", "--gid", "100",
                "--chroot-base-dir", "/srv/jailer", "--", "--api-sock", "/api.sock", "--log-path", "/vmm.log",
            ])
        #expect(layout.jailerArguments(hasLogger: true).last == "/api.sock")
        #expect(layout.jailerArguments(hasLogger: true, enablesPCI: true).last == "--enable-pci")
        #expect(layout.root == "/srv/jailer/firecracker-v1/web-01/root")
        #expect(layout.vsockPath == "/srv/jailer/firecracker-v1/web-01/root/v.sock")
        #expect(layout.cgroup == "firecracker-v1/web-01")
        config.netns = "/var/run/netns/a"
        config.cgroups = ["memory.max": "1000", "cpu.max": "5 10"]
        config.parentCgroup = "smartvm/vms"
        config.resourceLimits = .init(fsize: 7, noFile: 4096)
        layout.config = config
        layout.cgroupVersion = .v1
        #expect(
            layout.jailerArguments().dropFirst(10).prefix { $0 != "--" } == [
                "--netns", "/var/run/netns/a", "--cgroup-version", "1", "--parent-cgroup", "smartvm/vms",
                "--cgroup", "cpu.max=5 10", "--cgroup", "memory.max=1000",
                "--resource-limit", "fsize=7", "--resource-limit", "no-file=4096",
            ])
        #expect(layout.cgroup == "smartvm/vms/web-01")
        // The jailer gives the VMM its id; a second one would be an error.
        #expect(layout.jailerArguments().filter { $0 == "--id" }.count == 1)
    }

    @Test("ids are fresh, and of the characters that the jailer takes")
    func ids() throws {
        let ids = try (0..<100).map { _ in try JailLayout.freshID(for: "web-1") }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { $0.hasPrefix("web-1-") && $0.count == 14 })
        #expect(try JailLayout.freshID(for: String(repeating: "a", count: 63)).count <= 64)
        for name in ["", "a_b", "a b", "a/b", "..", "ä", "a.b"] {
            let error = #expect(throws: SmartVMError.self) { try JailLayout.freshID(for: name) }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    @Test("every field's mistakes are told at once")
    func validation() {
        var config = JailerConfig(uid: .max, gid: .max, jailerBinaryPath: "jailer", chrootBaseDir: "srv")
        config.netns = "a"
        config.parentCgroup = "../up"
        config.cgroups = ["cpu": "1", "../cpu.max": "1", "memory.max": "a\nb", "cpu.max": "", "Cpu.max": "1"]
        let errors = config.validate()
        #expect(errors.count == 11)
        for word in [
            "uid", "gid", "jailerBinaryPath", "chrootBaseDir", "netns", "parentCgroup", "\"cpu\"", "memory.max",
        ] {
            #expect(errors.contains { $0.contains(word) }, "\(word)")
        }
        for parent in ["", "/a", "a/", "a//b", "a/./b", ".."] {
            config = JailerConfig(uid: 1, gid: 1, parentCgroup: parent)
            #expect(config.validate().count == 1)
        }
        #expect(JailerConfig(uid: 0, gid: 0, cgroups: ["memory.swap.max": "0"], parentCgroup: "a/b").validate().isEmpty)
    }

    @Test("what this host lacks is told before anything is made")
    func hostChecks() async throws {
        try await withTemporaryDirectory { root in
            let host = try JailHost(root)
            let directory = try host.directories.create("web")
            func code(_ change: (inout JailHost) throws -> Void, isRoot: Bool = true, vm: String = "web") throws
                -> String?
            {
                var host = host
                try change(&host)
                do throws(SmartVMError) {
                    _ = try host.jail(directory, isRoot: isRoot, vm: vm)
                    return nil
                } catch {
                    return error.code.rawValue
                }
            }
            #expect(try code({ _ in }, isRoot: false) == "JAILER_NEEDS_ROOT")
            #expect(try code({ _ in }, vm: "a_b") == "INVALID_CONFIG")
            #expect(try code { $0.config.uid = .max } == "INVALID_CONFIG")
            #expect(try code { $0.config.chrootBaseDir = "relative" } == "INVALID_CONFIG")
            #expect(try code { $0.config.chrootBaseDir = "\(root)/nothing" } == "INVALID_CONFIG")
            #expect(try code { $0.config.chrootBaseDir = $0.vmm } == "INVALID_CONFIG")
            #expect(try code { $0.config.netns = "\(root)/nothing" } == "INVALID_CONFIG")
            #expect(try code { $0.config.cgroups = ["nosuch.max": "1"] } == "INVALID_CONFIG")
            #expect(try code { $0.config.jailerBinaryPath = "\(root)/nothing" } == "JAILER_NOT_FOUND")
            let deep = "\(root)/\(String(repeating: "d", count: 80))"
            try FileTree.makeDirectories(deep, mode: 0o700)
            #expect(try code { $0.config.chrootBaseDir = deep } == "INVALID_CONFIG")
            #expect(try code { _ in try FileTree.remove("\(root)/bin/jailer") } == "JAILER_NOT_FOUND")
            #expect(try FileTree.names(at: "\(root)/j") == [])
            #expect(JailRecord(in: directory.path) == nil)
        }
    }

    @Test(
        "files are linked or mounted into the jail, never copied but for the kernel, and go with it",
        .enabled(if: geteuid() == 0))
    func files() async throws {
        try await withTemporaryDirectory { root in
            let host = try JailHost(root)
            let directory = try host.directories.create("web")
            // On another file system, so that links are not possible.
            try FileTree.makeDirectory("\(root)/other")
            try Mount.mount("tmpfs", at: "\(root)/other", type: "tmpfs")
            defer { try? Mount.unmount("\(root)/other", lazily: true) }
            for (name, mode) in [
                ("kernel", 0o600), ("initrd", 0o644), ("root", 0o644), ("other/data", 0o600), ("other/base", 0o444),
            ] {
                try File.write(Array(name.utf8), to: "\(root)/\(name)", mode: 0o600)
                try FileTree.setMode("\(root)/\(name)", UInt32(mode))
            }
            try FileTree.makeSymbolicLink("\(root)/link", to: "root")
            let jail = try host.jail(directory)
            #expect(jail.layout.executableName == "firecracker-v1.16.1")
            let admitted = try jail.admit([
                .putBootSource(BootSource(kernelImagePath: "\(root)/kernel", initrdPath: "\(root)/initrd")),
                .putDrive(Drive(driveId: "root", isRootDevice: true, isReadOnly: true, pathOnHost: "\(root)/link")),
                .putDrive(
                    Drive(driveId: "data", isRootDevice: false, isReadOnly: false, pathOnHost: "\(root)/other/data")),
                .putDrive(
                    Drive(driveId: "base", isRootDevice: false, isReadOnly: true, pathOnHost: "\(root)/other/base")),
                .putVsock(VsockConfig(guestCid: 3, udsPath: "/anywhere")),
                .putLogger(LoggerConfig(logPath: "\(root)/log")),
                .performAction(.instanceStart),
            ])
            #expect(
                admitted == [
                    .putBootSource(BootSource(kernelImagePath: "/kernel", initrdPath: "/initrd")),
                    .putDrive(Drive(driveId: "root", isRootDevice: true, isReadOnly: true, pathOnHost: "/drive-root")),
                    .putDrive(
                        Drive(driveId: "data", isRootDevice: false, isReadOnly: false, pathOnHost: "/drive-data")),
                    .putDrive(Drive(driveId: "base", isRootDevice: false, isReadOnly: true, pathOnHost: "/drive-base")),
                    .putVsock(VsockConfig(guestCid: 3, udsPath: "/v.sock")),
                    .putLogger(LoggerConfig(logPath: "/logger")),
                    .performAction(.instanceStart),
                ])
            let inside = jail.layout.root
            func status(_ path: String) throws -> FileStatus { try FileStatus(of: path) }
            // The kernel that the VMM's user could not read is its own copy; the original stays as it was.
            #expect(try status("\(inside)/kernel").owner == 4242 && status("\(inside)/kernel").mode == 0o400)
            #expect(try status("\(root)/kernel").owner == 0)
            for (original, place) in [
                ("initrd", "initrd"), ("root", "drive-root"), ("other/data", "drive-data"),
                ("other/base", "drive-base"),
            ] {
                #expect(try status("\(root)/\(original)").inode == status("\(inside)/\(place)").inode)
            }
            // What is written belongs to the VMM's user, what is read does not.
            #expect(try status("\(root)/other/data").owner == 4242 && status("\(root)/root").owner == 0)
            #expect(throws: Errno.readOnlyFileSystem) { try File.write([1], to: "\(inside)/drive-base") }
            #expect(try status(inside).mode == 0o700 && status(inside).owner == 4242 && status(inside).group == 4243)
            #expect(MountPoints.below(inside).count == 2)

            directory.remove()
            #expect(try FileTree.names(at: "\(root)/j/firecracker-v1.16.1") == [])
            #expect(MountPoints.below("\(root)/j").isEmpty)
            for name in ["kernel", "initrd", "root", "other/data", "other/base"] {
                #expect(try File.readText("\(root)/\(name)") == name)
            }
            #expect(try FileTree.names(at: "\(root)/d/run") == [".lock"])
        }
    }

    @Test("a file that the VMM's user cannot read, and that is not copied, is named", .enabled(if: geteuid() == 0))
    func unreadable() async throws {
        try await withTemporaryDirectory { root in
            let host = try JailHost(root)
            let directory = try host.directories.create("web")
            let jail = try host.jail(directory)
            try File.write([1], to: "\(root)/secret")
            for path in ["\(root)/secret", "\(root)/nothing"] {
                let error = #expect(throws: SmartVMError.self) {
                    try jail.admit([
                        .putDrive(Drive(driveId: "a", isRootDevice: false, isReadOnly: true, pathOnHost: path))
                    ])
                }
                #expect(error?.code == .jailFailed && error?.message.contains(path) == true)
            }
            directory.remove()
        }
    }

    @Test("a jail whose owner was killed is taken back, at whatever step", .enabled(if: geteuid() == 0))
    func abandoned() async throws {
        try await withTemporaryDirectory { root in
            let host = try JailHost(root)
            try File.write([1], to: "\(root)/disk")
            // Written down, and not made yet.
            do {
                let directory = try host.directories.create("early")
                try JailRecord(directory: "\(root)/j/firecracker/early-1", cgroups: ["\(root)/cg/early-1"]).write(
                    in: directory.path)
            }
            // Made, with a file mounted, as the jailer leaves it: directories and a copy of the VMM.
            do {
                let directory = try host.directories.create("late")
                let jail = try host.jail(directory, vm: "late")
                try File.write([], to: jail.layout.root + "/mounted")
                try Mount.mount("\(root)/disk", at: jail.layout.root + "/mounted", type: nil, [.bind])
                try FileTree.makeDirectories(jail.layout.root + "/dev/net")
                try File.write([1], to: jail.layout.root + "/firecracker-v1.16.1")
            }
            #expect(Set(host.directories.reclaimAbandoned()) == ["early", "late"])
            #expect(try FileTree.names(at: "\(root)/j/firecracker-v1.16.1") == [])
            #expect(MountPoints.below(root).isEmpty)
            #expect(try File.read("\(root)/disk") == [1])
        }
    }

    @Test("control groups are found in both versions, and removed when they are empty")
    func controlGroups() async throws {
        try await withTemporaryDirectory { root in
            try FileTree.makeDirectories("\(root)/u/fc/web-1")
            try FileTree.makeDirectories("\(root)/cpu/fc/web-1/busy")
            try File.write(Array("cpu memory pids\n".utf8), to: "\(root)/u/cgroup.controllers")
            let groups = ControlGroups(
                mounts: """
                    tmpfs /sys/fs/cgroup tmpfs rw 0 0
                    cgroup \(root)/cpu cgroup rw,relatime,cpu,cpuacct 0 0
                    cgroup2 \(root)/u cgroup2 rw 0 0
                    """)
            #expect(groups.preferredVersion == .v1)
            #expect(groups.has("cpuacct", .v1) && !groups.has("memory", .v1))
            #expect(groups.has("memory", .v2) && !groups.has("io", .v2) && groups.has("cgroup", .v2))
            #expect(ControlGroups(mounts: "none /sys/fs/cgroup cgroup2 rw 0 0").preferredVersion == .v2)
            let directories =
                groups.groupDirectories(of: "fc/web-1", .v2) + groups.groupDirectories(of: "fc/web-1", .v1)
            #expect(directories.contains("\(root)/u/fc/web-1") && directories.contains("\(root)/cpu/fc/web-1"))
            JailRecord(directory: "\(root)/nothing", cgroups: directories).remove()
            #expect(!File.exists("\(root)/u/fc/web-1") && File.exists("\(root)/cpu/fc/web-1/busy"))
        }
    }

    @Test("mount points are found below a directory only, with blanks in their names")
    func mountPoints() {
        let mountInfo = """
            1 0 0:1 / / rw - ext4 /dev/a rw
            2 1 0:1 /x /srv/j/a rw - ext4 /dev/a rw
            3 1 0:1 /x /srv/j/a/b\\040c rw - ext4 /dev/a rw
            4 1 0:1 /x /srv/j/ab rw - ext4 /dev/a rw
            """
        #expect(MountPoints.below("/srv/j/a", mountInfo: mountInfo) == ["/srv/j/a/b c", "/srv/j/a"])
    }
}
