import ArgumentParser
import SmartVM

/// `smartvm rename`.
struct RenameCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename",
        abstract: "Give a VM another name.",
        discussion: """
            Its guest keeps its host name until the VM is started again.

            EXAMPLES:
              smartvm create --name web
              smartvm rename web shop
            """)

    @OptionGroup var vm: SandboxArgument

    @Argument(help: ArgumentHelp("Letters, digits and hyphens, at most 63.", valueName: "name"))
    var newName: String

    func run() async throws {
        try await vm.withSandbox { try await $0.rename(to: newName) }
    }
}
