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

            Without -d the guest has no network unless one is asked for: --network default. With a network, a disk or volumes the VM has \
            a supervisor of its own while it runs, as those that stay; it is removed at the end all the same, also if smartvm is killed.

            With -d the VM stays, in the background: its id is printed when its guest runs. It ends when its command does; without \
            one it runs until it is stopped. See smartvm exec, logs, stop, rm.

            EXAMPLES:
              smartvm run -- uname -a
              smartvm run -d --name web --disk 1g
              smartvm run -d --name shop --publish 8080:80
              smartvm run --network default -- ping -c 1 172.30.0.1
              echo hello | smartvm run -i -- tr a-z A-Z
              smartvm run -it --memory 512 --cpus 2 minimal
              smartvm run --rootfs ./debian.ext4 --env TERM=dumb --user nobody -- id
            """)

    @Argument(help: "The image to run.", completion: .images)
    var image: String?

    @Argument(parsing: .postTerminator, help: "The command and its arguments. Default: the image's shell.")
    var command: [String] = []

    @OptionGroup(title: "Machine") var machine: MachineOptions
    @OptionGroup(title: "Command") var process: ProcessOptions
    @OptionGroup(title: "Life") var life: SandboxOptions
    @OptionGroup(title: "Network") var network: NetworkOptions

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

    /// Whether a VM that is thrown away must be a sandbox for what it has.
    private var needsSandbox: Bool { life.needsSandbox || network.isUsed }

    func validate() throws {
        if detach, timeout != nil || console || timings {
            throw ValidationError(
                "--timeout, --console and --timings are not for a VM in the background: see --ttl, and smartvm logs --console."
            )
        }
        if !detach, life.backgroundOnly {
            throw ValidationError("--restart, --ttl and health checks are for a VM in the background: add -d.")
        }
        if !detach, needsSandbox, console || timings {
            throw ValidationError(
                "--console and --timings are not for a VM with a disk, volumes or a network: leave them out.")
        }
    }

    func run() async throws {
        if detach { return try await runInBackground() }
        let interaction = Interaction(process)
        let guestCommand = try process.command(command, terminal: interaction.terminalSize)
        let status: Int32
        if needsSandbox {
            status = try await SandboxRunSession(
                configuration: try SandboxMaker(machine: machine, process: process, life: life, network: network)
                    .configuration(image: image, name: name, command: nil),
                command: guestCommand, timeout: timeout?.duration, interaction: interaction
            ).run()
        } else {
            status = try await RunSession(
                configuration: try machine.configuration(image: image, name: name, hostname: process.hostname),
                command: guestCommand,
                vmm: machine.vmm,
                bootTimeout: machine.bootTimeout.duration,
                timeout: timeout?.duration,
                showsConsole: console,
                showsTimings: timings,
                interaction: interaction
            ).run()
        }
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
            guard var error = error as? SmartVMError else { throw error }
            if [.bootFailed, .supervisorFailed].contains(error.code) {
                // What the library points at went with the VM.
                error.cure =
                    "--memory gives more memory, --boot-timeout more time. The VM was removed; smartvm create and start keep one, with its console."
            }
            guard let status = error.exitStatus else { throw error }
            StandardError.print("smartvm: \(error)")
            throw ExitCode(status)
        }
        await sandbox.warnOfMissingNetwork()
        print(sandbox.id)
    }
}
