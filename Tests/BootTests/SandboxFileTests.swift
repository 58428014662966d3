import Glibc
import Linux
import Subprocess
import SystemPackage
import Testing

/// Files and volumes of VMs that stay, as a person uses them: every test boots real guests.
@Suite("Files and volumes of VMs that stay", BootCapability.trait, .serialized, .timeLimit(.minutes(5)))
struct SandboxFileTests {
    private func smartvm(_ arguments: String..., input: String = "") async throws -> SmartVMProgram.Result {
        try await SmartVMProgram.run(arguments, input: input)
    }

    private func shell(_ script: String, in directory: String) async throws -> String {
        let result = try await Subprocess.run(
            .path("/bin/sh"), arguments: ["-ec", script, SmartVMProgram.path], workingDirectory: FilePath(directory),
            output: .string(limit: 4 << 20), error: .string(limit: 1 << 20))
        #expect(result.terminationStatus.isSuccess, "\(script): \(result.standardError)")
        return result.standardOutput
    }

    private func withScratch(_ body: (String) async throws -> Void) async throws {
        let directory = "/tmp/\(uniqueName("smartvm-volumes"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        defer { try? FileTree.removeAll(directory) }
        try await body(directory)
    }

    @Test("files and trees go both ways as they were, as archives too, and what cannot be copied has a status")
    func copies() async throws {
        try await withScratch { directory in
            let name = uniqueName("cp")
            let made = try await smartvm("run", "-d", "--name", name)
            try #require(made.status == 0, "\(made.standardError)")
            _ = try await shell(
                """
                mkdir -p "tree/a b/empty"; cd tree; echo x > x; ln x "a b/second"; ln -s ../x "a b/link"; chmod 640 x
                truncate -s 1G sparse; printf end >> sparse; touch -d '2001-02-03 04:05:06.789' x "a b"; echo c > ./a:b
                """, in: directory)
            let list = "find . -mindepth 1 -printf '%P %y %m %T@ %s %l\\n' | sort"
            let before = try await shell("cd tree; \(list)", in: directory)
            _ = try await shell(
                """
                "$0" cp tree \(name):/root; "$0" cp \(name):/root/tree out; "$0" cp \(name):/root/tree - | tar -x
                mkdir back; "$0" cp \(name):/root/tree/. back; tar -Sc --format=posix tree | "$0" cp - \(name):/mnt
                [ $(du -k out/sparse | cut -f1) -lt 1000 ]; [ $(stat -c %h out/x) = 2 ]; cmp tree/sparse out/sparse
                "$0" cp ./tree/a:b \(name):/root/one; [ "$("$0" exec \(name) cat /root/one)" = c ]
                """, in: directory)
            for copy in ["out", "tree", "back"] {
                let after = try await shell("cd \(copy); \(list)", in: directory)
                #expect(after == before, "\(copy)")
            }
            let unpacked = try await smartvm("exec", name, "sh", "-c", "cat /mnt/tree/x; stat -c %U /root/tree/x")
            #expect(unpacked.standardOutput == "x\nroot\n")
            let missing = try await smartvm("cp", "\(name):/nosuch", directory)
            #expect(missing.status == 1 && missing.standardError.contains("/nosuch"))
            let special = try await smartvm("cp", "\(name):/dev/.", "\(directory)/dev")
            #expect(special.status == 1 && special.standardError.contains("/dev/./null"))
            _ = try await smartvm("pause", name)
            let paused = try await smartvm("cp", "\(name):/etc", directory)
            #expect(paused.status == 1 && paused.standardError.contains("smartvm unpause \(name)"))
            let removed = try await smartvm("rm", "-f", name)
            #expect(removed.status == 0 && SandboxTraces.all(made.standardOutput.trimmed) == [])
            let gone = try await smartvm("cp", "\(name):/etc", directory)
            #expect(gone.status == 1 && gone.standardError.contains("No such VM"))
        }
    }

    @Test("a volume is one VM's, survives SIGKILL of everything, and one that cannot be mounted fails the start")
    func volumes() async throws {
        try await withScratch { directory in
            let (name, other, volume) = (uniqueName("vol"), uniqueName("other"), uniqueName("data"))
            try FileTree.makeDirectory("\(directory)/copied")
            try File.write(Array("from the host".utf8), to: "\(directory)/copied/file")
            let made = try await smartvm(
                "run", "-d", "--name", name, "--volume", "\(volume):/srv/deep", "--copy-in",
                "\(directory)/copied:/opt/in",
                "--disk", "64m")
            try #require(made.status == 0, "\(made.standardError)")
            let id = made.standardOutput.trimmed
            let script =
                "cat /opt/in/file; echo new > /opt/in/new; echo kept > /srv/deep/file; echo too > /root/file; sync"
            let seen = try await smartvm("exec", name, "sh", "-c", script)
            #expect(seen.status == 0 && seen.standardOutput == "from the host", "\(seen.standardError)")
            // Another VM is told who has it; nothing of it is left.
            let refused = try await smartvm("run", "-d", "--name", other, "--volume", "\(volume):/x")
            #expect(refused.status == 125 && refused.standardError.contains("the VM \(name) has it"))
            let inUse = try await smartvm("volume", "rm", volume)
            #expect(inUse.status == 1 && inUse.standardError.contains(name))
            for kind in ["supervisor", "vmm", "qemu"] {
                if let pid = SandboxTraces.pid(of: id, kind) { kill(pid, SIGKILL) }
            }

            let started = try await smartvm("start", name)
            #expect(started.status == 0, "\(started.standardError)")
            let kept = try await smartvm("exec", name, "sh", "-c", "cat /srv/deep/file /root/file; ls /opt/in")
            #expect(kept.standardOutput == "kept\ntoo\nfile\n", "\(kept.standardError)")
            let stopped = try await smartvm("stop", name)
            #expect(stopped.status == 0 && SandboxTraces.running(id) == [])
            #expect(!FileTree.exists("\(Traces.dataDirectory)/vms/\(id)/copy-in"))

            // It was unmounted in good order, so that it can be read only; then what it is made of is overwritten, but for the superblock.
            let reader = try await smartvm(
                "run", "-d", "--name", other, "--volume", "\(volume):/x:ro", "--", "sh", "-c",
                "cat /x/file; touch /x/file")
            #expect(reader.status == 0, "\(reader.standardError)")
            let status = try await smartvm("wait", other)
            let printed = try await smartvm("logs", other)
            #expect(status.standardOutput == "1\n" && printed.standardOutput == "kept\n")
            let disk = "\(Traces.dataDirectory)/volumes/\(volume)/disk.ext4"
            _ = try await shell("dd if=/dev/urandom of=\(disk) bs=4k seek=1 count=64 conv=notrunc", in: directory)
            let broken = try await smartvm("start", name)
            #expect(
                broken.status == 1 && broken.standardError.contains("/srv/deep: /dev/vdb"), "\(broken.standardError)")
            #expect(SandboxTraces.running(id) == [])
            for vm in [name, other] { _ = try await smartvm("rm", "-f", vm) }
            let removed = try await smartvm("volume", "rm", volume)
            #expect(removed.status == 0 && !FileTree.exists(disk), "\(removed.standardError)")
            #expect(SandboxTraces.all(id) == [])
        }
    }
}
