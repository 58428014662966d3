import ArgumentParser

/// `smartvm image`: what guests boot from.
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Make, fetch, list and remove the images that VMs boot from.",
        subcommands: [
            ImageBuildCommand.self, ImagePullCommand.self, ImageListCommand.self, ImageVerifyCommand.self,
            ImageRemoveCommand.self,
        ])
}
