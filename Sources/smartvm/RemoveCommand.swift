import ArgumentParser
import SmartVM

/// `smartvm rm`.
struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove VMs with their disks and logs.",
        discussion: """
            --all means those that do not run, and with --force every VM.

            EXAMPLES:
              smartvm create --name web
              smartvm rm web
            """, aliases: ["remove"])

    @OptionGroup var vms: SandboxSelection

    @Flag(name: .shortAndLong, help: "Kill those that run; one that is not there is no failure.")
    var force = false

    func run() async throws {
        try await vms.forEach(where: { force || !$0.state.isActive }, ignoresMissing: force) {
            try await $0.remove(force: force)
        }
    }
}
