// One command in a fresh microVM.
import SmartVM

let smartVM = try SmartVM()
try await smartVM.withVM(VMConfig(image: "minimal")) { vm in
    let result = try await vm.exec(["uname", "-a"])
    print(result.standardOutput, terminator: "")
}
