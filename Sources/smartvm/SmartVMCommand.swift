import ArgumentParser
import Glibc
import Linux
import SmartVM

@main
struct SmartVMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "smartvm",
        abstract: "MicroVMs with a container's ease.",
        discussion: """
            EXAMPLES:
              smartvm run -- uname -a          a command in a fresh microVM, thrown away afterwards
              smartvm run -it                  a shell in one
              smartvm run -d --name web        one that stays; smartvm exec, logs, stop and rm are about it
              smartvm doctor                   whether this machine can run them, and what is missing
            """,
        version: SmartVMVersion.current,
        subcommands: [
            RunCommand.self, CreateCommand.self, StartCommand.self, StopCommand.self, KillCommand.self,
            RestartCommand.self, RemoveCommand.self, ListCommand.self, InspectCommand.self, ExecCommand.self,
            ShellCommand.self, LogsCommand.self, WaitCommand.self, RenameCommand.self, PauseCommand.self,
            UnpauseCommand.self, CopyCommand.self, PortCommand.self, StatsCommand.self, EventsCommand.self,
            UpdateCommand.self, VolumeCommand.self, NetworkCommand.self, SystemCommand.self, ConfigCommand.self,
            ImageCommand.self, VMMCommand.self,
            DoctorCommand.self, BenchCommand.self,
        ])

    /// Failures of smartvm itself end with 125, as docker's do, so that they can be told from the command's own status.
    static let failureStatus = ExitStatus.ownFailure

    /// Ends and removes what killed runs have left: whatever command looks at VMs, images or VMMs does it, not only one that makes a VM.
    static func reclaimAbandoned() async {
        _ = await (try? SmartVM())?.reclaimAbandoned()
    }

    /// Text is Unicode here: an argument that is not would reach the guest as another one.
    private static func refuseUnreadableArguments() throws {
        for pointer in CommandLine.unsafeArguments where String(validatingCString: pointer) == nil {
            throw SmartVMError(
                .invalidConfiguration, "The argument '\(String(cString: pointer))' is not UTF-8.",
                cure: "Pass such bytes on standard input, or in a file.")
        }
    }

    static func main() async {
        // Without /dev/null there is nothing better to do than to go on as before.
        try? StandardDescriptors.fill()
        // A reader that goes away is an error to handle, not a reason to die without cleaning up.
        signal(SIGPIPE, SIG_IGN)
        do {
            try refuseUnreadableArguments()
            var command = try await asyncParseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            // What print(_:) has kept back reaches the disk or the pipe now, or it does not.
            guard fflush(nil) == 0 else {
                throw SmartVMError(
                    .invalidFile, "Standard output cannot be written: \(String(cString: strerror(errno))).",
                    cure: "What was printed is incomplete; send it where there is space.")
            }
        } catch let error as SmartVMError {
            StandardError.print("smartvm: \(error)")
            Glibc.exit(failureStatus)
        } catch let status as ExitCode {
            Glibc.exit(status.rawValue)
        } catch {
            if exitCode(for: error) == .success { exit(withError: error) }
            StandardError.print(fullMessage(for: error))
            Glibc.exit(failureStatus)
        }
    }
}

extension CommandLine {
    fileprivate static var unsafeArguments: [UnsafeMutablePointer<CChar>] {
        (0..<Int(argc)).compactMap { unsafeArgv[$0] }
    }
}
