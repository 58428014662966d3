import ArgumentParser
import SmartVM

/// `smartvm create`.
struct CreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a VM that stays, without starting it; print its id.",
        usage: "smartvm create [<options>] [<image>] [-- <command> ...]",
        discussion: """
            The VM ends when its command does; without one its guest runs until it is stopped.

            EXAMPLES:
              smartvm create --name web --disk 1g
              smartvm start web
              smartvm create --name shop --network default --publish 8080:80 --egress deny --egress-rule allow:*.debian.org:443
            """)

    @Argument(help: "The image to run.", completion: .images)
    var image: String?

    @Argument(parsing: .postTerminator, help: "The command and its arguments. Default: none.")
    var command: [String] = []

    @OptionGroup(title: "Machine") var machine: MachineOptions
    @OptionGroup(title: "Command") var process: ProcessOptions
    @OptionGroup(title: "Life") var life: SandboxOptions
    @OptionGroup(title: "Network") var network: NetworkOptions

    @Option(help: ArgumentHelp("A name for the VM; also its host name.", valueName: "name"))
    var name: String?

    func run() async throws {
        try await ExitStatus.told {
            let sandbox = try await SandboxMaker(machine: machine, process: process, life: life, network: network)
                .make(image: image, name: name, command: command)
            print(sandbox.id)
        }
    }
}
