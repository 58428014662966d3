import SmartVM

let smartVM = try SmartVM()
let config = VMConfig(image: "minimal", machineConfig: .init(vcpuCount: 2, memSizeMib: 512))

try await smartVM.withVM(config) { vm in
    let result = try await vm.exec(["sh", "-c", "nproc; exit 3"])
    print(result.standardOutput, terminator: "")
    print("status \(result.exitStatus)")
}
