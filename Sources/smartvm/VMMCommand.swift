import ArgumentParser

/// `smartvm vmm`: releases of Firecracker.
struct VMMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vmm", abstract: "Fetch, list and remove releases of Firecracker.",
        discussion: """
            The newest release that was fetched runs VMs where KVM is usable and no other firecracker is on PATH.

            EXAMPLES:
              smartvm vmm pull                 the newest release
              smartvm vmm pull v1.15.1         another one
            """,
        subcommands: [VMMPullCommand.self, VMMListCommand.self, VMMRemoveCommand.self])
}
