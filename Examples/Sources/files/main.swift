// A directory goes into a VM, is worked on there, and comes back: nothing else of the host can be seen from inside.
import Foundation
import SmartVM

let directory = FileManager.default.temporaryDirectory.appendingPathComponent("smartvm-example-\(getpid())")
let source = directory.appendingPathComponent("source")
try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: directory) }
try Data("one\ntwo\nthree\n".utf8).write(to: source.appendingPathComponent("lines"))

let result = directory.appendingPathComponent("result").path
try await SmartVM().withVM(VMConfig(image: "minimal")) { vm in
    try await vm.copyIn(from: source.path, to: "/work")
    _ = try await vm.exec(["sh", "-c", "cd /work && wc -l < lines > count"])
    try await vm.copyOut(from: "/work/count", to: result)
}
print(try String(contentsOfFile: result, encoding: .utf8), terminator: "")
