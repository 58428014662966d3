// A VM as a handle: described, started, paused, resumed and stopped by hand.
import SmartVM

let smartVM = try SmartVM()
let vm = try await smartVM.createVM(VMConfig(id: "worker", image: "minimal", machineConfig: .init(memSizeMib: 128)))

do {
    try await vm.start()
    try await vm.pause()
    print("\(vm.id) is \(await vm.state.rawValue)")
    try await vm.resume()
    print(try await vm.exec(["cat", "/proc/uptime"]).standardOutput, terminator: "")
} catch {
    // What was started ends, whatever went wrong.
    await smartVM.cleanup()
    throw error
}

// The guest is asked first; each harder means has its turn only if the one before it did not help.
let report = await vm.stop()
print("ended by \(report.endedBy?.rawValue ?? "itself")")
await smartVM.cleanup()
