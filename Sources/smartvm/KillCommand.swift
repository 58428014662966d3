import ArgumentParser
import Glibc
import SmartVM

/// `smartvm kill`.
struct KillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Kill VMs, or send a signal to their commands.",
        discussion: """
            KILL ends the VM at once: its guest saves nothing. Every other signal goes to the VM's command.

            EXAMPLES:
              smartvm run -d --name job -- sleep 1000
              smartvm kill --signal TERM job
            """)

    @OptionGroup var vms: SandboxSelection

    @Option(name: .shortAndLong, help: ArgumentHelp("A signal: KILL, SIGHUP, 15.", valueName: "signal"))
    var signal = SignalArgument(number: SIGKILL)

    func run() async throws {
        try await vms.forEach(where: \.state.isActive) { try await $0.kill(signal: signal.number) }
    }
}

/// A signal by its name, with or without SIG, or by its number.
struct SignalArgument: ExpressibleByArgument, Equatable {
    var number: Int32

    private static let names: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ABRT": SIGABRT, "KILL": SIGKILL, "USR1": SIGUSR1,
        "USR2": SIGUSR2, "PIPE": SIGPIPE, "ALRM": SIGALRM, "TERM": SIGTERM, "CONT": SIGCONT, "STOP": SIGSTOP,
        "TSTP": SIGTSTP, "WINCH": SIGWINCH,
    ]

    init(number: Int32) {
        self.number = number
    }

    init?(argument: String) {
        let name = argument.uppercased()
        if let number = Int32(argument), (1...64).contains(number) {
            self.number = number
        } else if let number = Self.names[name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name] {
            self.number = number
        } else {
            return nil
        }
    }

    var defaultValueDescription: String { Self.names.first { $0.value == number }?.key ?? "\(number)" }
}
