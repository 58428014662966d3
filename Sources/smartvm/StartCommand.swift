import ArgumentParser
import FoundationEssentials
import SmartVM

/// `smartvm start`.
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start VMs, and wait until their guests run.",
        discussion: """
            One that runs already is left as it is. Ctrl-C while attached leaves the VM running.

            EXAMPLES:
              smartvm create --name web
              smartvm start web
            """)

    @OptionGroup var vms: SandboxArguments

    @Flag(name: .shortAndLong, help: "Print what the command of the one VM prints, and end with its status.")
    var attach = false

    func validate() throws {
        if attach, vms.names.count != 1 { throw ValidationError("--attach is for one VM.") }
    }

    func run() async throws {
        let progress = ImageProgressReporter()
        guard attach else {
            return try await vms.forEach {
                try await $0.start { progress.report($0) }
                await $0.warnOfMissingNetwork()
            }
        }
        let before = Date().timeIntervalSince1970
        let status = try await SandboxArgument(name: vms.names[0]).withSandbox { sandbox in
            try await sandbox.start { progress.report($0) }
            await sandbox.warnOfMissingNetwork()
            try await LogsCommand.print(sandbox, since: "\(before)", follow: true)
            return try await sandbox.wait()
        }
        throw ExitCode(Int32(truncatingIfNeeded: status))
    }
}
