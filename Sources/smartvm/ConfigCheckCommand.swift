import ArgumentParser
import FoundationEssentials
import SmartVM

/// `smartvm config check`.
struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say all that is wrong with a configuration.",
        discussion: """
            The exit status is 0 if nothing is, and 1 if something is. Files that the configuration names are not looked at.

            EXAMPLES:
              smartvm config check vm.json
              smartvm config check --firecracker-version 1.14.1 vm.json
            """)

    @Argument(help: "A JSON file, or - for standard input.")
    var file: String

    @Option(help: "How to print what was found.")
    var format = OutputFormat.table

    @Option(
        help: ArgumentHelp(
            "Also say what this release of Firecracker does not have, and what is broken in it.", valueName: "version"),
        transform: Self.version)
    var firecrackerVersion: FirecrackerVersion?

    private static func version(_ text: String) throws -> FirecrackerVersion {
        guard let version = FirecrackerVersion(text) else {
            throw ValidationError("'\(text)' is not a version: 1.16.1 is one.")
        }
        return version
    }

    func run() throws {
        let validation = try Self.validation(of: ConfigCommand.read(file), for: firecrackerVersion)
        switch format {
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(validation), as: UTF8.self))
        case .table:
            for error in validation.errors { print(error) }
            if validation.valid { print("\(file == "-" ? "The configuration" : file) is good.") }
        }
        for problem in firecrackerVersion?.knownProblems ?? [] { StandardError.print("smartvm: \(problem)") }
        if !validation.valid { throw ExitCode.failure }
    }

    /// Text that is no JSON is one error among others here.
    private static func validation(
        of text: [UInt8], for version: FirecrackerVersion?
    ) throws -> VMConfig.Validation {
        do throws(SmartVMError) {
            return try VMConfig.validate(json: text, for: version)
        } catch {
            return VMConfig.Validation(errors: [error.message])
        }
    }
}
