import ArgumentParser
import SmartVM

/// `smartvm wait`.
struct WaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until a VM has ended, and print its exit status.",
        discussion: """
            EXAMPLES:
              smartvm run -d --name job -- sh -c 'sleep 1; exit 3'
              smartvm wait job
            """)

    @OptionGroup var vm: SandboxArgument

    func run() async throws {
        try await vm.withSandbox { print(try await $0.wait()) }
    }
}
