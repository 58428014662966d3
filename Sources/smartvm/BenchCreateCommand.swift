import ArgumentParser
import Glibc
import Linux
import SmartVM

/// What the library costs on top of the VMM.
struct BenchCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Measure what SmartVM adds to the VMM's own time until a VM runs.",
        discussion: """
            Creates and starts VMs until InstanceStart is answered, and beside that starts the same VMM by itself and sends it the same \
            requests in a bare loop over its socket. The difference is SmartVM's. Then creates a hundred VMs at once, without a start.

            EXAMPLES:
              smartvm bench create --runs 20 --format json
            """)

    @Option(help: ArgumentHelp("How many VMs are started for the medians.", valueName: "number"))
    var runs = 20

    @Option(help: "table, or json: one object, durations in milliseconds.")
    var format = OutputFormat.table

    @OptionGroup(title: "Machine") var machine: MachineOptions

    func validate() throws {
        guard (1...1000).contains(runs) else { throw ValidationError("--runs must be 1 to 1000.") }
    }

    func run() async throws {
        let smartVM = try SmartVM(SmartVMOptions(vmm: machine.vmm))
        let configuration = try machine.configuration(image: nil, name: nil, hostname: nil)
        let selection = machine.vmm.map { VMMSelection($0) } ?? .automatic
        let vmm = try selection.resolve(in: try DataDirectory())
        // The first one makes the image and warms the caches.
        _ = try await Self.start(configuration, by: smartVM)
        let clock = ContinuousClock()
        var wall: [Double] = []
        var processor: [Double] = []
        var bare: [Double] = []
        for _ in 0..<runs {
            let sample = try await Self.start(configuration, by: smartVM)
            wall.append(sample.wall)
            processor.append(sample.processor)
            bare.append(try BareVMM(vmm.path).start(sample.configuration))
        }
        let created = try await clock.measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 { group.addTask { _ = try await smartVM.createVM(configuration) } }
                try await group.waitForAll()
            }
        }
        let total = Self.median(wall)
        let alone = Self.median(bare)
        BenchFigure.print(
            [
                BenchFigure("create_ms", "from createVM to InstanceStart's answer (median)", total, "ms"),
                BenchFigure("vmm_ms", "of that, the VMM by itself (median)", alone, "ms"),
                BenchFigure("library_ms", "of that, SmartVM", total - alone, "ms"),
                BenchFigure("library_percent", "the same", (total - alone) / total * 100, "%"),
                BenchFigure("library_cpu_ms", "SmartVM's processor time (median)", Self.median(processor), "ms"),
                BenchFigure("create_100_ms", "100 VMs created at once, without a start", created.milliseconds, "ms"),
            ], as: format)
    }

    private struct Sample {
        var wall: Double
        var processor: Double
        var configuration: VMConfiguration
    }

    /// One VM, from nothing to running vCPUs; it is ended afterwards.
    private static func start(_ configuration: VMConfig, by smartVM: SmartVM) async throws -> Sample {
        let before = processorMilliseconds()
        let start = ContinuousClock.now
        let vm = try await smartVM.createVM(configuration)
        do {
            try await vm.start(StartOptions(waitsForAgent: false))
            let wall = (ContinuousClock.now - start).milliseconds
            let processor = processorMilliseconds() - before
            let sample = Sample(wall: wall, processor: processor, configuration: try await vm.getConfiguration())
            await smartVM.removeVM(vm.id)
            return sample
        } catch {
            await smartVM.removeVM(vm.id)
            throw error
        }
    }

    /// What all threads of this process have used.
    private static func processorMilliseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }

    private static func median(_ values: [Double]) -> Double {
        values.sorted()[values.count / 2]
    }
}
