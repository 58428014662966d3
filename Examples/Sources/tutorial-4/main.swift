import SmartVM

let smartVM = try SmartVM()
let config = VMConfig(image: "minimal", machineConfig: .init(vcpuCount: 99, memSizeMib: 512))

do {
    try await smartVM.withVM(config) { vm in
        print(try await vm.exec(["true"]).exitStatus)
    }
} catch let error as SmartVMError where error.code == .invalidConfiguration {
    print("\(error.code.rawValue): \(error.message)")
}
