// A running VM is written to two files, and comes to life again, as another one that is like it but for its identity.
import Foundation
import SmartVM

let directory = FileManager.default.temporaryDirectory.appendingPathComponent("smartvm-example-\(getpid())")
try FileManager.default.createDirectory(
    at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
defer { try? FileManager.default.removeItem(at: directory) }

let smartVM = try SmartVM()
let config = VMConfig(image: "minimal", machineConfig: .init(memSizeMib: 128))
let snapshot = try await smartVM.withVM(config) { vm in
    _ = try await vm.exec(["sh", "-c", "echo remembered > /tmp/note"])
    try await vm.pause()
    return try await vm.createSnapshot(
        snapshotPath: directory.appendingPathComponent("state").path,
        memFilePath: directory.appendingPathComponent("memory").path)
}

let copy = try await smartVM.restoreVM(snapshot)
print(try await copy.exec(["sh", "-c", "hostname; cat /tmp/note"]).standardOutput, terminator: "")
await smartVM.cleanup()
