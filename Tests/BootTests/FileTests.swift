import Glibc
import Linux
import SmartVM
import Subprocess
import SystemPackage
import Testing

/// Guests boot for real: this is the library's way to their files.
@Suite("Files of a guest", .serialized, BootCapability.trait, .timeLimit(.minutes(5)))
struct FileTests {
    private func shell(_ script: String, in directory: String) async throws -> String {
        let result = try await Subprocess.run(
            .path("/bin/sh"), arguments: ["-ec", script], workingDirectory: FilePath(directory),
            output: .string(limit: 4 << 20), error: .string(limit: 1 << 20))
        #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
        return result.standardOutput
    }

    private func withGuest(memory: Int = 512, _ body: (MicroVM, String) async throws -> Void) async throws {
        let directory = "/tmp/\(uniqueName("smartvm-files"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        defer { try? FileTree.removeAll(directory) }
        let smartVM = try SmartVM(SmartVMOptions(dataDir: EnvironmentVariable.value("SMARTVM_DATA_DIR"), vmm: "qemu"))
        var config = VMConfig(image: "minimal")
        config.machineConfig.memSizeMib = memory
        try await smartVM.withVM(config) { vm in try await body(vm, directory) }
    }

    private func failure(_ body: () async throws -> Void) async -> FileTransferFailure? {
        do {
            try await body()
            return nil
        } catch let error as SmartVMError {
            #expect(error.code == .fileTransferFailed)
            return error.underlying as? FileTransferFailure
        } catch {
            Issue.record(error)
            return nil
        }
    }

    @Test("files and trees go in and come out as they were; errors name the path and the errno")
    func copies() async throws {
        try await withGuest { vm, directory in
            let text = try await vm.readFile("/proc/version")
            #expect(String(decoding: text, as: UTF8.self).hasPrefix("Linux version"))
            try await vm.writeFile("/etc/greeting", Array("hello\n".utf8), permissions: 0o640)
            let seen = try await vm.exec(["stat", "-c", "%a %s %U", "/etc/greeting"]).standardOutput
            #expect(seen == "640 6 root\n")
            #expect(try await vm.readFile("etc/greeting") == Array("hello\n".utf8))

            _ = try await shell(
                """
                mkdir -p "tree/a b/empty"; cd tree; echo x > x; ln x "a b/second"; ln -s ../x "a b/link"
                head -c 3000000 /dev/urandom > large; truncate -s 1G sparse; printf end >> sparse
                touch -d '2001-02-03 04:05:06.789012345' x; touch -d '2010-01-01' "a b"
                [ $(id -u) != 0 ] || chown -R 4242:4343 "a b"
                chmod 4750 x
                """, in: directory)
            let copied = try await vm.copyIn(from: "\(directory)/tree", to: "/root")
            #expect(
                copied.files == 4 && copied.directories == 3 && copied.symbolicLinks == 1 && copied.bytes < 4_000_000)
            let inside = try await vm.exec([
                "sh", "-c",
                "cd /root/tree; stat -c '%n %a %s %h' x large sparse; readlink 'a b/link'; du -k sparse | cut -f1",
            ]).standardOutput
            #expect(inside.hasPrefix("x 4750 2 2\nlarge 644 3000000 1\nsparse 644 1073741827 1\n../x\n"))
            let out = try await vm.copyOut(
                from: "/root/tree", to: "\(directory)/back", options: .init(keepsSpecialModes: true))
            #expect(out.files == 4)
            let list =
                "find . -printf '%P %y %m %U:%G %l %T@\\n' | sort; find . -type f ! -size +1000M -exec sha256sum {} + | sort"
            let before = try await shell("cd tree; \(list)", in: directory)
            let after = try await shell("cd back; \(list)", in: directory)
            #expect(before == after)
            #expect(try FileStatus(of: "\(directory)/back/sparse").allocated < 1 << 20)

            // As tar on a pipe, both ways.
            let tar = try Descriptor.open("\(directory)/out.tar", O_RDWR | O_CREAT)
            try await vm.pack("/root/tree/a b", archive: tar.rawValue)
            let names = try await shell("tar -tf out.tar", in: directory)
            #expect(names.contains("a b/link"))
            lseek(tar.rawValue, 0, SEEK_SET)
            try await vm.unpack(archive: tar.rawValue, in: "/tmp")
            #expect(try await vm.exec(["readlink", "/tmp/a b/link"]).standardOutput == "../x\n")

            for (errno, side, body) in [
                (ENOENT, .guest, { _ = try await vm.readFile("/no/such") }),
                (EISDIR, .guest, { _ = try await vm.readFile("/etc") }),
                (EFBIG, .guest, { _ = try await vm.readFile("/root/tree/large", limit: 1000) }),
                (ENOENT, .guest, { try await vm.writeFile("/no/such/file", [1]) }),
                (EISDIR, .guest, { try await vm.writeFile("/etc", [1]) }),
                (ENOENT, .guest, { try await vm.copyOut(from: "/no/such", to: "\(directory)/none") }),
                (ENOENT, .guest, { try await vm.copyIn(from: "\(directory)/tree", to: "/no/such/place") }),
                (ENOENT, .host, { try await vm.copyIn(from: "\(directory)/none", to: "/root") }),
                (ENOENT, .host, { try await vm.copyOut(from: "/etc/greeting", to: "\(directory)/no/such/place") }),
                (ENOSPC, .guest, { try await vm.copyIn(from: "\(directory)/back/large", to: "/small") }),
            ] as [(Int32, FileTransferFailure.Side, () async throws -> Void)] {
                if errno == ENOSPC {
                    _ = try await vm.exec(["sh", "-c", "mkdir /small; mount -t tmpfs -o size=1m tmpfs /small"])
                }
                let failure = await failure(body)
                #expect(failure?.errno == errno && failure?.side == side && failure?.path.isEmpty == false)
            }
            #expect(try await vm.exec(["ls", "-A", "/small"]).standardOutput == "")
        }
    }

    @Test("a copy that is cancelled ends at once and leaves nothing under its name")
    func cancelled() async throws {
        try await withGuest { vm, directory in
            _ = try await shell("head -c 200000000 /dev/urandom > large", in: directory)
            let copy = Task { try await vm.copyIn(from: "\(directory)/large", to: "/root/large") }
            let deadline = ContinuousClock.now + .seconds(10)
            var left = ""
            // Under a name of its own until it is whole.
            while !left.hasPrefix(".smartvm-"), ContinuousClock.now < deadline {
                left = try await vm.exec(["ls", "-A", "/root"]).standardOutput
            }
            #expect(left.hasPrefix(".smartvm-"))
            copy.cancel()
            let start = ContinuousClock.now
            await #expect(throws: CancellationError.self) { try await copy.value }
            #expect(ContinuousClock.now - start < .seconds(2))
            while !left.isEmpty, ContinuousClock.now < deadline {
                left = try await vm.exec(["ls", "-A", "/root"]).standardOutput
            }
            #expect(left == "")
        }
    }
}
