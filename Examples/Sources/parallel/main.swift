// Several microVMs at once: each runs one job, and what fails in one does not touch the others.
import SmartVM

let smartVM = try SmartVM()
let jobs = ["echo one", "echo two; exit 3", "cat /proc/sys/kernel/hostname"]

try await withThrowingTaskGroup(of: (String, GuestCommandResult).self) { group in
    for job in jobs {
        group.addTask {
            try await smartVM.withVM(VMConfig(image: "minimal")) { vm in
                (job, try await vm.exec(["sh", "-c", job]))
            }
        }
    }
    for try await (job, result) in group {
        print("\(job): \(result.exitStatus) \(result.standardOutput)", terminator: "")
    }
}
