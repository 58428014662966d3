import ArgumentParser
import Glibc
import SmartVM

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Boot a fresh microVM, run a command in it, and throw it away; or keep it (-d).",
        usage: "smartvm run [<options>] [<image>] [-- <command> ...]",
        discussion: """
            The exit status is the command's: 128 + n if signal n ended it, 124 after --timeout, 125 if smartvm itself fails, \
            126 if the command cannot be executed, 127 if it is not there.

            Ctrl-C reaches the command; a second one ends the VM. With -it all keys are the command's, as with docker.

            With -d the VM stays, in the background: its id is printed when its guest runs. It ends when its command does; without \
            one it runs until it is stopped. See smartvm exec, logs, stop, rm.

            EXAMPLES:
              smartvm run -- uname -a
              smartvm run -d --name web --disk 1g
              smartvm run -d --name shop --publish 8080:80
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
    @OptionGroup(title: "Life, with -d") var life: SandboxOptions
    @OptionGroup(title: "Network, with -d") var network: NetworkOptions

    @Flag(name: [.short, .customLong("detach")], help: "Keep the VM, in the background.")
    var detach = false

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

    func validate() throws {
        if detach, timeout != nil || console || timings {
            throw ValidationError(
                "--timeout, --console and --timings are not for a VM in the background: see --ttl, and smartvm logs --console."
            )
        }
        if detach, rm { throw ValidationError("A VM in the background is removed with smartvm rm.") }
        if !detach, network.isUsed {
            throw ValidationError("--network, --publish and --egress are for a VM that stays: add -d.")
        }
        if !detach, life.disk != nil || life.ttl != nil || life.restart.policy != .never {
            throw ValidationError("--disk, --restart and --ttl are for a VM that stays: add -d.")
        }
    }

    func run() async throws {
        if detach { return try await runInBackground() }
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

    /// A VM that could not be started is not kept.
    private func runInBackground() async throws {
        let sandbox = try await SandboxMaker(machine: machine, process: process, life: life, network: network)
            .make(image: image, name: name, command: command)
        let progress = ImageProgressReporter()
        do {
            try await sandbox.start { progress.report($0) }
        } catch {
            try? await sandbox.remove(force: true)
            guard let error = error as? SmartVMError, let status = error.exitStatus else { throw error }
            StandardError.print("smartvm: \(error)")
            throw ExitCode(status)
        }
        await sandbox.warnOfMissingNetwork()
        print(sandbox.id)
    }
}
