import ArgumentParser
import Glibc
import SmartVM

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Boot a fresh microVM, run a command in it, and throw it away.",
        usage: "smartvm run [<options>] [<image>] [-- <command> ...]",
        discussion: """
            The exit status is the command's: 128 + n if signal n ended it, 124 after --timeout, 125 if smartvm itself fails, \
            126 if the command cannot be executed, 127 if it is not there.

            Ctrl-C reaches the command; a second one ends the VM. With -it all keys are the command's, as with docker.

            EXAMPLES:
              smartvm run -- uname -a
              echo hello | smartvm run -i -- tr a-z A-Z
              smartvm run -it --memory 512 --cpus 2 minimal
              smartvm run --rootfs ./debian.ext4 --env TERM=dumb --user nobody -- id
            """)

    @Argument(help: "The image to run.")
    var image: String?

    @Argument(parsing: .postTerminator, help: "The command and its arguments. Default: the image's shell.")
    var command: [String] = []

    @OptionGroup(title: "Machine") var machine: MachineOptions
    @OptionGroup(title: "Command") var process: ProcessOptions

    @Option(help: ArgumentHelp("A name for the VM; also its host name.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("End the VM after this time, with status 124: 90, 1m30s, 2h.", valueName: "duration"))
    var timeout: DurationArgument?

    @Flag(help: "Show what the guest's kernel prints, on standard error.")
    var console = false

    @Flag(help: "Say on standard error when the guest was ready and when the command started.")
    var timings = false

    @Flag(help: ArgumentHelp("Accepted for docker's sake: what run makes is always removed.", visibility: .hidden))
    var rm = false

    func run() async throws {
        let interaction = Interaction(process)
        let status = try await RunSession(
            configuration: try machine.configuration(image: image, name: name, hostname: process.hostname),
            command: try process.command(command, terminal: interaction.terminalSize),
            vmm: machine.vmm,
            bootTimeout: machine.bootTimeout.duration,
            timeout: timeout?.duration,
            showsConsole: console,
            showsTimings: timings,
            interaction: interaction
        ).run()
        throw ExitCode(status)
    }
}
