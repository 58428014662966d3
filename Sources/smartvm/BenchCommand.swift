import ArgumentParser
import SmartVM

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure what VMs cost on this machine.",
        discussion: """
            Boots one VM and measures in it: how long the guest took to be ready, how long a command takes from host to host, and how fast \
            a command's output comes out.

            EXAMPLE:
              smartvm bench --runs 20 --format json
            """,
        subcommands: [BenchNetworkCommand.self])

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
            configuration, bootTimeout: machine.bootTimeout.duration, imageProgress: { progress.report($0) }
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
                Figure(name: "boot_ms", text: "from nothing to ready", value: ready.milliseconds),
                Figure(
                    name: "guest_boot_ms", text: "of that, by the guest's clock",
                    value: await vm.guestBootTime?.milliseconds ?? 0),
                Figure(
                    name: "exec_ms", text: "a command, host to host (median)",
                    value: exec.sorted()[runs / 2].milliseconds),
                Figure(name: "exec_min_ms", text: "the same (minimum)", value: exec.min()?.milliseconds ?? 0),
                Figure(
                    name: "output_mb_per_s", text: "output of a command",
                    value: Double(bytes) / 1e6 / (streaming.milliseconds / 1e3)),
            ]
        }
        switch format {
        case .table:
            for figure in figures {
                let unit = figure.name.hasSuffix("_ms") ? "ms" : "MB/s"
                let gap = String(repeating: " ", count: max(1, 46 - figure.text.count - figure.rounded.count))
                print("\(figure.text)\(gap)\(figure.rounded) \(unit)")
            }
        case .json:
            print("{" + figures.map { "\"\($0.name)\":\($0.rounded)" }.joined(separator: ",") + "}")
        }
    }

    private struct Figure: Sendable {
        var name: String
        var text: String
        var value: Double

        /// With two decimals.
        var rounded: String {
            let hundredths = Int((value * 100).rounded())
            let cents = hundredths % 100
            return "\(hundredths / 100).\(cents < 10 ? "0" : "")\(cents)"
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Double {
        Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
    }
}
