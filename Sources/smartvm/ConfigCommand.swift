import ArgumentParser
import Linux
import SmartVM

/// `smartvm config`: what a VM is to be, in a file.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check files that describe VMs, and translate them.",
        subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self])

    /// The bytes of a file, or of standard input for `-`.
    static func read(_ path: String) throws -> [UInt8] {
        do throws(Errno) {
            return try File.read(path == "-" ? "/dev/stdin" : path, limit: 16 << 20)
        } catch {
            throw SmartVMError(
                .invalidFile, "The configuration \(path) cannot be read: \(error).", underlying: error)
        }
    }
}
