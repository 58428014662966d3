import SmartVM

let smartVM = try SmartVM()
let config = VMConfig(image: "minimal", machineConfig: .init(vcpuCount: 2, memSizeMib: 512))

try await smartVM.withVM(config) { vm in
    try await vm.writeFile("/tmp/job", Array("for n in 1 2 3; do echo step $n; done\n".utf8))

    try await vm.withProcess(GuestCommand(["sh", "/tmp/job"])) { process in
        while let event = try await process.nextEvent() {
            switch event {
            case .standardOutput(let bytes): print(String(decoding: bytes, as: UTF8.self), terminator: "")
            case .ended(let ending): print("ended: \(ending.shellStatus)")
            default: break
            }
        }
    }
}
