import ArgumentParser
import SmartVM

/// `smartvm bench guest`.
struct BenchGuestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest",
        abstract: "Measure a VM from inside (the default).",
        discussion: """
            Boots one VM and measures in it: how long the guest took to be ready, how long a command takes from host to host, and how fast \
            a command's output comes out.

            EXAMPLES:
              smartvm bench guest --runs 20 --format json
            """)

    @Option(help: ArgumentHelp("How many commands are run for the median.", valueName: "number"))
    var runs = 30

    @Option(help: ArgumentHelp("How much output is piped out, in MiB.", valueName: "size"))
    var output = 256

    @Option(help: "table, or json: one object, durations in milliseconds.")
    var format = OutputFormat.table

    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws {
        guard (1...10_000).contains(runs), (1...65_536).contains(output) else {
            throw ValidationError("--runs must be 1 to 10000 and --output 1 to 65536.")
        }
    }

    func run() async throws {
        let smartVM = try SmartVM(SmartVMOptions(vmm: machine.vmm))
        let progress = ImageProgressReporter()
        let clock = ContinuousClock()
        let configuration = try machine.configuration(image: nil, name: nil, hostname: nil)
        let start = clock.now
        let figures = try await smartVM.withVM(
            configuration,
            StartOptions(bootTimeout: machine.bootTimeout.duration, imageProgress: { progress.report($0) })
        ) { vm in
            let ready = clock.now - start
            var exec: [Duration] = []
            for _ in 0..<runs {
                exec.append(try await clock.measure { _ = try await vm.exec(["true"]) })
            }
            // Not head(1): busybox's copies byte by byte.
            let command = GuestCommand(["dd", "if=/dev/zero", "bs=1M", "count=\(output)"])
            var bytes = 0
            let streaming = try await clock.measure {
                try await vm.withProcess(command) { process in
                    while let event = try await process.nextEvent() {
                        if case .standardOutput(let piece) = event { bytes += piece.count }
                    }
                }
            }
            guard bytes == output << 20 else {
                throw SmartVMError(.guestUnreachable, "The command gave \(bytes) bytes of output, not \(output << 20).")
            }
            return [
                BenchFigure("boot_ms", "from nothing to ready", ready.milliseconds, "ms"),
                BenchFigure(
                    "guest_boot_ms", "of that, by the guest's clock", await vm.guestBootTime?.milliseconds ?? 0, "ms"),
                BenchFigure(
                    "exec_ms", "a command, host to host (median)", exec.sorted()[runs / 2].milliseconds, "ms"),
                BenchFigure("exec_min_ms", "the same (minimum)", exec.min()?.milliseconds ?? 0, "ms"),
                BenchFigure(
                    "output_mb_per_s", "output of a command", Double(bytes) / 1e6 / (streaming.milliseconds / 1e3),
                    "MB/s"),
            ]
        }
        BenchFigure.print(figures, as: format)
    }
}
