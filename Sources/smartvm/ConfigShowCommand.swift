import ArgumentParser
import FoundationEssentials
import SmartVM

/// `smartvm config show`.
struct ConfigShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print a configuration in its shortest form, or as firecracker takes it.",
        discussion: """
            The exit status is 1 if the configuration is wrong.

            EXAMPLES:
              smartvm config show vm.json
              smartvm config show --firecracker vm.json > fc.json && firecracker --no-api --config-file fc.json
            """)

    @Argument(help: "A JSON file, or - for standard input.")
    var file: String

    @Flag(help: "Print what firecracker --config-file takes; an image becomes its files.")
    var firecracker = false

    func run() async throws {
        let text = try ConfigCommand.read(file)
        do {
            let config = try VMConfig(json: text)
            if firecracker {
                let file = try await FirecrackerFile(config, in: DataDirectory())
                print(try file.text)
                for note in file.notes { StandardError.print("smartvm: \(note)") }
            } else {
                let validation = config.validate()
                guard validation.valid else {
                    for error in validation.errors { StandardError.print(error) }
                    throw ExitCode.failure
                }
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                print(String(decoding: try encoder.encode(config), as: UTF8.self))
            }
        } catch let error as SmartVMError where error.code == .invalidConfiguration {
            StandardError.print("smartvm: \(error)")
            throw ExitCode.failure
        }
    }
}
