import Foundation
import Linux
import Subprocess
import Synchronization
import SystemPackage
import Testing

@testable import SmartVM

/// Volumes, and who has them; file systems are made, nothing is booted.
@Suite("Volumes", .timeLimit(.minutes(2)))
struct VolumeTests {
    private func withSmartVM(_ body: (SmartVM, String) async throws -> Void) async throws {
        let directory = try TestDirectory()
        try await body(try SmartVM(SmartVMOptions(dataDir: "\(directory.path)/data")), directory.path)
    }

    private func config(_ name: String, _ volumes: String...) throws -> SandboxConfig {
        SandboxConfig(
            vm: VMConfig(id: name, image: "minimal"), volumes: try volumes.map { try #require(SandboxVolume($0)) })
    }

    private func code(_ body: () async throws -> Void) async -> SmartVMError.Code? {
        await #expect(throws: SmartVMError.self) { try await body() }?.code
    }

    @Test("one is made, sparse, listed, and removed only when no VM is made with it")
    func life() async throws {
        try await withSmartVM { smartVM, _ in
            let manager = smartVM.sandboxes
            let made = try await manager.createVolume("data", size: 64 << 20)
            #expect(made.size == 64 << 20 && made.allocated < 8 << 20 && made.usedBy == [])
            #expect(try FileStatus(of: made.path).size == 64 << 20)
            #expect(try RootFileSystem.check(made.path) == .ext4)
            let taken = await code { try await manager.createVolume("data") }
            #expect(taken == .nameInUse)
            for (name, size) in [("a/b", 64 << 20), ("", 64 << 20), ("small", 1 << 20)] as [(String, Int64)] {
                let refused = await code { try await manager.createVolume(name, size: size) }
                #expect(refused == .invalidConfiguration)
            }
            // Another one is made at its first use; both are its maker's.
            let sandbox = try await manager.create(try config("web", "data:/srv", "other:/other:ro"))
            let all = try await manager.volumes()
            #expect(all.map(\.name) == ["data", "other"] && all.allSatisfy { $0.usedBy == ["web"] })
            #expect(all.last?.size == SandboxManager.defaultVolumeSize)
            let error = await #expect(throws: SmartVMError.self) { try await manager.removeVolume("data") }
            #expect(error?.code == .volumeInUse && error?.message == "The volume data is used by web.")
            let kept = try await manager.pruneVolumes()
            #expect(kept == [])
            // The name of the VM is asked for, not remembered.
            try await sandbox.rename(to: "shop")
            let volume = try await manager.volume("data")
            #expect(volume.usedBy == ["shop"])
            try await sandbox.remove()
            try await manager.removeVolume("data")
            let pruned = try await manager.pruneVolumes()
            #expect(pruned.map(\.name) == ["other"])
            let missing = await code { try await manager.removeVolume("data") }
            #expect(missing == .noSuchVolume)
            #expect(try FileTree.names(at: manager.volumeDirectory.path) == [".lock"])
        }
    }

    @Test("a making or a removal that was cut short is finished by whoever comes next")
    func reconciliation() async throws {
        try await withSmartVM { smartVM, _ in
            let manager = smartVM.sandboxes
            let places = manager.volumeDirectory
            for (name, state) in [("half", VolumeRecord.State.creating), ("going", .removing)] {
                for use in [false, true] {
                    try manager.store.write(VolumeRecord(name: name, state: state, size: 64 << 20, createdAt: 1))
                    try FileTree.makeDirectories(places.directory(name))
                    try File.write([1, 2, 3], to: places.diskPath(name))
                    let listed = try await manager.volumes()
                    #expect(!listed.contains { $0.name == name })
                    if use {
                        let isNew = try await manager.ensureVolume(name, size: 32 << 20)
                        #expect(isNew)
                        #expect(try FileStatus(of: places.diskPath(name)).size == 32 << 20)
                    } else {
                        let done = try await manager.reconcile()
                        #expect(done == ["volume \(name): removed what was left of it"])
                        #expect(!FileTree.exists(places.directory(name)))
                    }
                }
            }
        }
    }

    @Test(
        "volumes that the database has lost are taken in again with what is in them, by a use and by a reconciliation")
    func lostDatabase() async throws {
        let directory = try TestDirectory()
        let options = SmartVMOptions(dataDir: "\(directory.path)/data")
        let places: VolumeDirectory
        do {
            let manager = try SmartVM(options).sandboxes
            places = manager.volumeDirectory
            for name in ["used", "idle"] {
                let path = try await manager.createVolume(name, size: 32 << 20).path
                _ = try await run("/usr/sbin/debugfs", ["-w", "-R", "mkdir work-of-\(name)", path])
            }
        }
        for name in try FileTree.names(at: options.dataDir ?? "") where name.hasPrefix("smartvm.db") {
            try FileTree.remove("\(options.dataDir ?? "")/\(name)")
        }
        // What is no file system is somebody's all the same, and so is what is no disk.
        try FileTree.makeDirectories(places.directory("torn"))
        try File.write([1], to: places.diskPath("torn"))
        try FileTree.makeDirectories(places.directory("notes"))
        try File.write([1], to: "\(places.directory("notes"))/notes.txt")
        try FileTree.makeDirectories(places.directory("empty"))
        try File.write([1], to: "\(places.diskPath("empty")).new")

        let manager = try SmartVM(options).sandboxes
        _ = try await manager.create(try config("web", "used:/srv"))
        let refused = await code { try await manager.createVolume("torn") }
        #expect(refused == .invalidFile)
        let problems = Mutex<[String]>([])
        let done = try await manager.reconcile { error in problems.withLock { $0.append(error.message) } }
        #expect(done == ["volume idle: taken in again"])
        let told = problems.withLock { $0 }
        #expect(told.count == 1 && told.first?.contains("torn") == true, "\(told)")
        let taken = await code { try await manager.createVolume("idle") }
        #expect(taken == .nameInUse)
        let volumes = try await manager.volumes()
        #expect(volumes.map(\.name) == ["idle", "used"] && volumes.allSatisfy { $0.size == 32 << 20 })
        #expect(volumes.map(\.usedBy) == [[], ["web"]])
        for volume in volumes {
            let listing = try await run("/usr/sbin/debugfs", ["-R", "ls -p /", volume.path])
            #expect(listing.contains("work-of-\(volume.name)"))
        }
        #expect(try Set(FileTree.names(at: places.path)) == [".lock", "idle", "notes", "torn", "used"])
        #expect(try File.read(places.diskPath("torn")) == [1])
    }

    @Test("a making that fails removes what it has made, and nothing else")
    func failedMaking() async throws {
        try await withSmartVM { smartVM, _ in
            let manager = smartVM.sandboxes
            let places = manager.volumeDirectory
            try FileTree.makeDirectories("\(places.diskPath("data")).new/in-the-way")
            try File.write([1], to: "\(places.directory("data"))/notes.txt")
            await #expect(throws: (any Error).self) { try await manager.createVolume("data", size: 32 << 20) }
            #expect(try manager.store.volume("data") == nil)
            #expect(FileTree.exists("\(places.directory("data"))/notes.txt"))
        }
    }

    @Test("one that is written is one VM's, those that read share, and files have one name")
    func exclusion() async throws {
        try await withSmartVM { smartVM, directory in
            let manager = smartVM.sandboxes
            let file = "\(directory)/own.ext4"
            try await SparseDisk(path: file).make(size: 16 << 20)
            try FileTree.makeSymbolicLink("\(directory)/link", to: file)
            func mounts(_ name: String) async throws -> SandboxMounts {
                let sandbox = try await manager.get(name)
                return try await SandboxMounts(
                    try await sandbox.config, of: try await sandbox.storedRecord(), in: manager)
            }
            for (writer, other, reader) in [("data", "data", "data"), (file, "\(directory)/link", "\(directory)/link")]
            {
                for (name, volume) in [
                    ("a", "\(writer):/v"), ("b", "\(other):/v"), ("r", "\(reader):/v:ro"), ("s", "\(reader):/v:ro"),
                ] {
                    _ = try await manager.create(try config(name, volume))
                }
                var held: SandboxMounts? = try await mounts("a")
                for name in ["b", "r"] {
                    let error = await #expect(throws: SmartVMError.self) { try await mounts(name) }
                    #expect(error?.code == .volumeInUse && error?.message.contains("a") == true)
                }
                withExtendedLifetime(held) {}
                held = nil
                var readers = [try await mounts("r"), try await mounts("s")]
                let refused = await code { _ = try await mounts("b") }
                #expect(refused == .volumeInUse)
                withExtendedLifetime(readers) {}
                readers = []
                held = try await mounts("b")
                withExtendedLifetime(held) {}
                held = nil
                for name in ["a", "b", "r", "s"] { try await manager.get(name).remove() }
            }
        }
    }

    @Test("a VM that runs is named as the one that has a volume, and one whose supervisor was killed has it no more")
    func owners() async throws {
        try await withSmartVM { smartVM, _ in
            let manager = smartVM.sandboxes
            let first = try await manager.create(try config("first", "data:/v"))
            let second = try await manager.create(try config("second", "data:/v"))
            func take() async throws -> SandboxMounts {
                try await SandboxMounts(try await second.config, of: try await second.storedRecord(), in: manager)
            }
            let alive = try ProcessIdentity(of: Int32(ProcessInfo.processInfo.processIdentifier))
            for (owner, isThere) in [(alive, true), (ProcessIdentity(pid: 1 << 22, startTime: 1, bootID: "b"), false)] {
                try manager.store.update(vm: first.id) { record in
                    record.phase = .active
                    record.owner = owner
                }
                if isThere {
                    let error = await #expect(throws: SmartVMError.self) { try await take() }
                    #expect(error?.message.contains("the VM first has it") == true)
                } else {
                    _ = try await take()
                    let state = try await first.info.state
                    #expect(state == .created || state == .exited)
                }
            }
        }
    }

    @Test("what is no file system that guests know is refused, and never made")
    func badFiles() async throws {
        try await withSmartVM { smartVM, directory in
            let manager = smartVM.sandboxes
            try File.write([UInt8](repeating: 0, count: 1 << 20), to: "\(directory)/zeros")
            for file in ["zeros", "missing", "."] {
                let refused = await code { _ = try await manager.create(try config("a", "\(directory)/\(file):/v")) }
                #expect(refused == .invalidFile)
            }
            #expect(!FileTree.exists("\(directory)/missing"))
            let list = try await manager.list(all: true)
            #expect(list == [])
        }
    }

    @Test("a directory of the host becomes an image with all that is in it, and what cannot be copied is named")
    func copyIn() async throws {
        let scratch = try TestDirectory()
        let source = "\(scratch.path)/source"
        let image = "\(scratch.path)/image"
        let gone = await #expect(throws: SmartVMError.self) { try await CopyInImage(directory: source).make(at: image) }
        #expect(gone?.code == .invalidFile && gone?.message.contains(source) == true)
        let script = """
            set -e; mkdir -p "$0/sub dir"; cd "$0"; echo hello > .hidden; ln .hidden second; ln -s .hidden link; chmod 710 .
            truncate -s 1G sparse; for i in $(seq 300); do echo $i > "sub dir/$i"; done; chmod 4755 second
            """
        _ = try await run("/bin/sh", ["-c", script, source])
        try await CopyInImage(directory: source).make(at: image)
        #expect(try FileStatus(of: image).allocated < 64 << 20)
        let listing = try await run("/usr/sbin/debugfs", ["-R", "ls -p /", image])
        let names = listing.split(separator: "\n").map { $0.split(separator: "/", omittingEmptySubsequences: false)[5] }
        #expect(Set(names) == [".", "..", ".hidden", "second", "link", "sub dir", "sparse"])
        #expect(listing.split(separator: "\n").first?.contains("/040710/") == true)
        #expect(try await run("/usr/sbin/debugfs", ["-R", "cat /second", image]) == "hello\n")
        _ = try await run("/usr/sbin/e2fsck", ["-fn", image])
        _ = try await run("/bin/sh", ["-c", "mkfifo \"$0/sub dir/pipe\"", source])
        let special = await #expect(throws: SmartVMError.self) {
            try await CopyInImage(directory: source).make(at: "\(scratch.path)/other")
        }
        #expect(special?.message.contains("\(source)/sub dir/pipe") == true)
        #expect(!FileTree.exists("\(scratch.path)/other") && !FileTree.exists("\(scratch.path)/other.new"))
    }

    private func run(_ program: String, _ arguments: [String]) async throws -> String {
        let result = try await Subprocess.run(
            .path(.init(program)), arguments: Arguments(arguments), output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
        return result.standardOutput
    }
}
