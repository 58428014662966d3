import SmartVM

let smartVM = try SmartVM()

try await smartVM.withVM(VMConfig(image: "minimal")) { vm in
    let result = try await vm.exec(["uname", "-sr"])
    print(result.standardOutput, terminator: "")
}
