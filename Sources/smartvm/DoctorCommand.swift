import ArgumentParser
import SmartVM

/// `smartvm doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check whether VMs can run on this machine.")

    func run() async throws {
        let vmm = try VMMSelection.automatic.resolve(in: try DataDirectory())
        print(vmm.path, vmm.reason)
        print(KVMProbe.measure().reason)
    }
}
