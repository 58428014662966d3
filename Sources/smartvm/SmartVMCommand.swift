import ArgumentParser

/// The command line of SmartVM.
@main
struct SmartVMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "smartvm", abstract: "MicroVMs from the shell.",
        subcommands: [ImageCommand.self, DoctorCommand.self])
}
