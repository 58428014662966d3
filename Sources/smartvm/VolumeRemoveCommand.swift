import ArgumentParser
import SmartVM

/// `smartvm volume rm`.
struct VolumeRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove volumes with all that is in them.",
        discussion: """
            One that a VM is made with is not removed, whether that runs or not.

            EXAMPLES:
              smartvm volume create scratch
              smartvm volume rm scratch
            """, aliases: ["remove"])

    @Argument(help: ArgumentHelp("The volumes.", valueName: "name"), completion: .volumes)
    var names: [String]

    @Flag(name: .shortAndLong, help: "One that is not there is no failure.")
    var force = false

    func run() async throws {
        let sandboxes = try SmartVM().sandboxes
        var hasFailed = false
        for name in names {
            do {
                try await sandboxes.removeVolume(name)
                print(name)
            } catch let error as SmartVMError {
                if error.code == .noSuchVolume, force { continue }
                StandardError.print("smartvm: \(error)")
                hasFailed = true
            }
        }
        if hasFailed { throw ExitCode.failure }
    }
}

/// A volume that is not there, or cannot be what is asked, is a plain failure, as with docker.
enum VolumeFailure {
    static func told(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as SmartVMError
            where [.noSuchVolume, .volumeInUse, .nameInUse, .invalidConfiguration].contains(error.code)
        {
            StandardError.print("smartvm: \(error)")
            throw ExitCode.failure
        }
    }
}
