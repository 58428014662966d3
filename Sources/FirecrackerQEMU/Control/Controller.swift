internal import FirecrackerAPI
internal import Linux

/// The VMM itself: what is configured, what runs, and what each request does to it.
///
/// Theory of operation. Until the start there are only ``VMResources``. A successful start makes a ``RunningMachine``
/// of a copy of them, and from then on that one is asked. A start that fails leaves everything as it was and can be
/// tried again; a snapshot that cannot be loaded ends the process (``fatal``), after the answer has gone out. The
/// controller knows nothing of HTTP and does no waiting.
final class Controller {
    /// What ends the process with status 1 once the answer is out.
    enum Fatal {
        case restoreFailed
    }

    static let version = "1.16.1"

    let instanceID: String
    let log: Log
    let metrics: Metrics
    let options: QEMUMachine.Options
    private(set) var resources: VMResources
    private(set) var machine: RunningMachine? {
        didSet {
            let machine = machine?.machine
            metrics.collect = { [log] in log.takeCounters() + (machine?.takeCounters() ?? []) }
        }
    }
    private(set) var fatal: Fatal?
    private var bootTimer: BootTimer?
    /// Set by every attempt to configure what a snapshot would bring along, also by one that was refused.
    private var isLoadBarred = false

    init(
        instanceID: String, resources: VMResources, options: QEMUMachine.Options, log: Log, metrics: Metrics
    ) {
        self.instanceID = instanceID
        self.resources = resources
        self.options = options
        self.log = log
        self.metrics = metrics
        metrics.collect = { log.takeCounters() }
    }

    var instanceInfo: InstanceInfo {
        let state: InstanceState = machine.map { $0.isPaused ? .paused : .running } ?? .notStarted
        return InstanceInfo(id: instanceID, state: state, vmmVersion: Self.version, appName: "Firecracker")
    }

    /// The devices that have metrics of their own.
    var meteredDevices: [(group: String, id: String)] {
        guard let devices = machine?.devices else { return [] }
        return devices.drives.map { ("block", $0.config.driveId) }
            + devices.interfaces.map { ("net", $0.config.ifaceId) }
            + devices.pmem.map { ("pmem", $0.id) }
    }

    func perform(_ request: APIRequest, _ availability: Endpoint.Availability) throws(APIFault) -> APIAnswer {
        if case .performAction(let action) = request { return try perform(action) }
        if let refusal = availability.refusal(isStarted: machine != nil) { throw refusal }
        if let machine { return try machine.perform(request, controller: self) }
        return try configure(request)
    }

    private func perform(_ action: InstanceAction) throws(APIFault) -> APIAnswer {
        switch (action, machine) {
        case (.instanceStart, nil):
            do throws(MachineFault) {
                try start()
            } catch {
                throw APIFault("Start microvm error: \(error.description)")
            }
        case (.instanceStart, _?):
            throw .notAfterStart
        case (_, nil):
            throw .notBeforeStart
        case (.flushMetrics, _?):
            metrics.write(devices: meteredDevices)
        case (.sendCtrlAltDel, let machine?):
            try machine.sendCtrlAltDel()
        }
        return .done
    }

    /// Starts what is configured.
    func start() throws(MachineFault) {
        let timer = options.timesBoot ? BootTimer() : nil
        let (description, opened) = try resources.machineDescription()
        for sentence in resources.withoutEffect { log.log(.warn, sentence, module: .vmm) }
        let machine = try QEMUMachine(description, options: options)
        // QEMU has its own copy now.
        withExtendedLifetime(opened) {}
        self.machine = RunningMachine(machine, devices: resources)
        bootTimer = timer
        metrics.write(devices: meteredDevices)
    }

    /// Ends QEMU, if it runs, and puts everything back that it has changed.
    func killMachine() { machine?.machine.kill() }

    /// Tells of a guest that has written to the boot timer.
    func reportBoot() {
        guard let machine = machine?.machine, let bootTimer else { return }
        for _ in 0..<machine.takeBootSignals() {
            log.logLimited(.info, bootTimer.report(process: machine.processID), module: .vmm)
        }
    }

    /// Takes what a configuration file says.
    func apply(_ file: VMConfigFile, metadata: JSONValue?) throws(ConfigurationFault) {
        try resources.apply(file, initialMetadata: metadata)
    }

    /// Fills the metadata store before any request.
    func setInitialMetadata(_ value: JSONValue) throws(APIFault) {
        try resources.metadata.put(value)
    }

    private func configure(_ request: APIRequest) throws(APIFault) -> APIAnswer {
        switch request {
        case .getInstanceInfo: return .instanceInfo(instanceInfo)
        case .getVersion: return .version(VersionInfo(firecrackerVersion: Self.version))
        case .getVMConfiguration: return .vmConfiguration(resources.configuration)
        case .getMachineConfig: return .machineConfig(resources.machineConfig)
        case .getBalloon:
            guard let balloon = resources.balloon else {
                throw APIFault("Balloon config error: No balloon device found.")
            }
            return .balloon(balloon)
        case .getMMDS: return .mmds(resources.metadata.shown)
        case .putMMDS(let value): try resources.metadata.put(value)
        case .patchMMDS(let value): try resources.metadata.patch(value)
        case .putLogger(let config): try setLogger(config)
        case .putMetrics(let config): try setMetrics(config)
        case .putSerial(let config): resources.setSerial(config)
        case .putCPUConfig(let config): resources.setCPUConfig(config)
        case .loadSnapshot(let load): try loadSnapshot(load)
        default: try configureDevices(request)
        }
        return .done
    }

    /// The requests after which no snapshot can be loaded any more.
    private func configureDevices(_ request: APIRequest) throws(APIFault) {
        isLoadBarred = true
        switch request {
        case .putBootSource(let source): try resources.setBootSource(source)
        case .putMachineConfig(let config): try resources.setMachineConfig(config)
        case .patchMachineConfig(let update): try resources.updateMachineConfig(update)
        case .putDrive(let drive): try resources.setDrive(drive)
        case .putPmem(let pmem): try resources.setPmem(pmem)
        case .putNetworkInterface(let interface): try resources.setNetworkInterface(interface)
        case .putVsock(let vsock): try resources.setVsock(vsock)
        case .putEntropy(let entropy): resources.setEntropy(entropy)
        case .putBalloon(let balloon): try resources.setBalloon(balloon)
        case .putMemoryHotplug(let config): try resources.setMemoryHotplug(config)
        case .putMMDSConfig(let config): try resources.setMetadataConfig(config)
        // All others are for a started VM, which the table says and the caller has checked.
        default: throw .notBeforeStart
        }
    }

    private func setLogger(_ config: LoggerConfig) throws(APIFault) {
        do throws(Errno) {
            try log.configure(config)
        } catch {
            throw APIFault("Logger error: Failed to open target file", error)
        }
    }

    private func setMetrics(_ config: MetricsConfig) throws(APIFault) {
        do throws(Metrics.Refusal) {
            try metrics.open(config.metricsPath)
        } catch {
            throw APIFault("Metrics error: \(error.sentence)")
        }
    }

    private func loadSnapshot(_ load: SnapshotLoad) throws(APIFault) {
        if isLoadBarred {
            let sentence = "Loading a microVM snapshot not allowed after configuring boot-specific resources."
            log.log(.info, sentence, module: .vmm)
            throw APIFault("Load snapshot error: \(sentence)")
        }
        let failure = "Load snapshot error: "
        let start = ContinuousClock.now
        do throws(MachineFault) {
            machine = try restoredMachine(from: load)
        } catch {
            fatal = .restoreFailed
            throw APIFault("\(failure)Failed to restore from snapshot: \(error.description)")
        }
        if load.resumeVm {
            do throws(MachineFault) {
                try machine?.machine.resume()
            } catch {
                fatal = .restoreFailed
                throw APIFault("\(failure)Failed to resume microVM: \(error.description)")
            }
        }
        TimedAction.load.finishAction(since: start, metrics: metrics, log: log)
        metrics.write(devices: meteredDevices)
    }
}
