import ArgumentParser
import SmartVM

/// `smartvm update`.
struct UpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Change what VMs may use, now and after their next starts.",
        discussion: """
            While a VM runs its memory can be made less, and as much again as it was started with; the guest takes some back rather than \
            kill a process. More memory, and other virtual CPUs, need a stop: stop, update, start. Limits are per second, of each drive \
            and of each direction of each network interface; 0 is no limit.

            EXAMPLES:
              smartvm create --name web --memory 256
              smartvm update --memory 192 --disk-bandwidth 50m --restart on-failure:3 web
              smartvm update --disk-bandwidth 0 web
            """)

    @OptionGroup var vms: SandboxArguments

    @Option(name: .shortAndLong, help: ArgumentHelp("Memory in MiB, or with a unit: 512, 512m, 2g.", valueName: "size"))
    var memory: MemoryArgument?

    @Option(help: ArgumentHelp("Virtual CPUs, of a VM that does not run.", valueName: "number"))
    var cpus: Int?

    @Option(help: ArgumentHelp("Bytes per second of each drive: 50m.", valueName: "size"))
    var diskBandwidth: RateArgument?

    @Option(help: ArgumentHelp("Operations per second of each drive.", valueName: "number"))
    var diskIops: Int?

    @Option(help: ArgumentHelp("Bytes per second of each network interface: 10m.", valueName: "size"))
    var netBandwidth: RateArgument?

    @Option(
        help: ArgumentHelp(
            "Start it again when it ends by itself: no, on-failure[:n], always, unless-stopped.", valueName: "policy"))
    var restart: RestartArgument?

    private var update: SandboxUpdate {
        SandboxUpdate(
            memoryMib: memory?.mebibytes, vcpuCount: cpus, diskBandwidth: diskBandwidth?.bytes,
            diskOperations: diskIops, networkBandwidth: netBandwidth?.bytes, restart: restart?.policy)
    }

    func validate() throws {
        if update == SandboxUpdate() {
            throw ValidationError("There is nothing to change: give --memory, for example.")
        }
    }

    func run() async throws {
        let update = update
        try await vms.forEach { try await $0.update(update) }
    }
}
