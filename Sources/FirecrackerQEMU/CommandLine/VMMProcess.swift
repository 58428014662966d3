internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// `smartvm-qemu` as a process: from the command line to the exit status.
///
/// Theory of operation. The order of the steps is Firecracker's, because it decides which of several mistakes is told:
/// arguments, what only prints, the id, the log, the metrics, the files, the limits, then the configuration file and
/// the API's socket. Everything that ends the process is a ``ProcessEnd``, which is told in one place.
public struct VMMProcess {
    private let log = Log()
    private let metrics = Metrics()
    private let start = TimeStamp.now()

    public init() {}

    /// Runs to the end.
    ///
    /// - Parameter words: The command line without the program's name.
    /// - Returns: The exit status.
    public func run(_ words: [String]) -> Int32 {
        // Without /dev/null there is nothing better to do than to go on as before.
        try? StandardDescriptors.fill()
        switch end(of: words) {
        case .success:
            log.log(.info, "Firecracker exiting successfully. exit_code=0")
            return 0
        case .failure(let status, let sentence, let debugText):
            log.log(.error, sentence)
            StandardError.print("Error: \(debugText)")
            log.log(.error, "Firecracker exiting with error. exit_code=\(status)")
            return status
        case .signal(let status):
            return status
        case .uncaught(let signal):
            SignalMask.reset(signal)
            raise(signal)
            return 128 + signal
        }
    }

    private func end(of words: [String]) -> ProcessEnd {
        do throws(ProcessEnd) {
            let arguments: Arguments
            do throws(Arguments.Fault) {
                arguments = try Arguments(words)
            } catch {
                throw .failure(
                    status: ProcessEnd.badArgumentsStatus,
                    sentence: "Arguments parsing error: \(error.sentence) \\n\\nFor more information try --help.",
                    debugText: "ParseArguments(\(error.debugText))")
            }
            if let end = try printed(arguments) { return end }
            return try serve(arguments)
        } catch {
            return error
        }
    }

    /// Does what only prints; nil if there is more to do.
    private func printed(_ arguments: Arguments) throws(ProcessEnd) -> ProcessEnd? {
        if arguments.has("help") {
            print("Firecracker v\(Controller.version)\n\n\(Arguments.helpText)")
        } else if arguments.has("version") {
            print("Firecracker v\(Controller.version)\n")
        } else if arguments.has("snapshot-version") {
            print(SnapshotState.formatName)
        } else if let path = arguments["describe-snapshot"] {
            if let problem = SnapshotFile.descriptionProblem(path, host: LocalHost()) {
                throw .generic("When printing Snapshot Data format: \(problem.sentence)", problem.debugText)
            }
            print(SnapshotState.formatName)
        } else {
            return nil
        }
        // The C library's buffer must be out before the log's line, which goes around it.
        fflush(nil)
        return .success
    }

    private func serve(_ arguments: Arguments) throws(ProcessEnd) -> ProcessEnd {
        try configureLog(arguments)
        log.log(.info, "Running Firecracker v\(Controller.version)")
        MainLoop.blockSignals()
        if let path = arguments["metrics-path"] {
            do throws(Metrics.Refusal) {
                try metrics.open(path)
            } catch {
                throw .generic(
                    "Could not initialize metrics: \(error.sentence)",
                    "MetricsInitialization(InitializationFailure(\"\(error.reason)\"))")
            }
        }
        try checkSeccomp(arguments)
        let user = try qemuUser(arguments)
        if arguments.has("boot-timer"), arguments.has("enable-pci") {
            log.log(
                .warn,
                "--boot-timer has no effect with --enable-pci: QEMU has a device's registers at the timer's address.")
        }
        let inputs = InputFiles(arguments, log: log)
        let payloadLimit = numericOption(arguments, "http-api-max-payload-size", "usize") ?? 51200
        let metadataLimit = numericOption(arguments, "mmds-size-limit", "usize") ?? payloadLimit
        var options = QEMUMachine.Options(
            qemuBinary: arguments["qemu-binary"], searchPath: getenv("PATH").map { String(cString: $0) },
            user: user, processStart: start)
        options.timesBoot = arguments.has("boot-timer") && !arguments.has("enable-pci")
        let controller = Controller(
            instanceID: log.instanceID,
            resources: VMResources(metadataSizeLimit: metadataLimit, isPCIEnabled: arguments.has("enable-pci")),
            options: options, log: log, metrics: metrics)
        // After the last metrics, which QEMU is asked for; and before this process ends, which would leave a terminal as QEMU had it.
        defer { controller.killMachine() }
        defer { metrics.write(devices: controller.meteredDevices) }

        let isServing = !arguments.has("no-api")
        let server = isServing ? try openServer(arguments, payloadLimit) : nil
        if let text = inputs.configuration {
            do throws(ConfigurationFault) {
                try controller.start(configuration: text, metadata: inputs.parsedMetadata(log: log))
            } catch {
                let failure = "Failed to build MicroVM from Json: \(error.sentence)"
                let debugText = "BuildMicroVMFromJson(\(RustText.quoted(error.sentence)))"
                throw isServing
                    ? .generic("RunWithApiError error: \(failure)", "RunWithApi(\(debugText))")
                    : .generic("RunWithoutApiError error: \(failure)", "RunWithoutApiError(\(debugText))")
            }
        } else if let metadata = inputs.parsedMetadata(log: log) {
            do throws(APIFault) {
                try controller.setInitialMetadata(metadata)
            } catch {
                throw .generic(
                    "RunWithApiError error: Failed to build MicroVM: Populating MMDS from file failed: \(error.message)",
                    "RunWithApi(BuildMicroVmError(PopulateMmds))")
            }
        }
        do throws(Errno) {
            return try MainLoop(controller: controller, server: server).run()
        } catch {
            throw .generic("The main loop failed: \(error.withNumber)", "MainLoop(\(error.debugText))")
        }
    }

    private func configureLog(_ arguments: Arguments) throws(ProcessEnd) {
        let id = arguments["id"] ?? ""
        if let problem = InstanceID.problem(with: id) { panic("Invalid instance ID: \(problem)", log: log) }
        log.instanceID = id
        var level: LogLevel?
        if let name = arguments["level"] {
            level = LogLevel(name: name)
            if level == nil {
                throw .failure(
                    status: ProcessEnd.badConfigurationStatus,
                    sentence: "Invalid value for logger level: \(name).Possible values: [Error, Warning, Info, Debug]",
                    debugText: "InvalidLogLevel(LevelFilterFromStrError(\"\(name)\"))")
            }
        }
        do throws(Errno) {
            try log.configure(
                LoggerConfig(
                    logPath: arguments["log-path"], level: level, showLevel: arguments.has("show-level") ? true : nil,
                    showLogOrigin: arguments.has("show-log-origin") ? true : nil, module: arguments["module"]))
        } catch {
            throw .generic(
                "Could not initialize logger: Failed to open target file: \(error.withNumber)",
                "LoggerInitialization(LoggerUpdateError(\(error.debugText)))")
        }
    }

    private func openServer(_ arguments: Arguments, _ payloadLimit: Int) throws(ProcessEnd) -> APIServer {
        let startTime = StartTime(
            wallClock: numericOption(arguments, "start-time-us", "u64"),
            processorTime: numericOption(arguments, "start-time-cpu-us", "u64"),
            parentProcessorTime: numericOption(arguments, "parent-cpu-time-us", "u64"))
        let path = arguments["api-sock"] ?? ""
        do throws(Errno) {
            let server = try APIServer(path: path, payloadLimit: payloadLimit)
            log.log(.info, "Listening on API socket (\(RustText.quoted(path))).")
            log.log(.info, "API server started.", thread: .api, module: .apiServer)
            startTime.report(to: metrics)
            return server
        } catch .addressInUse {
            throw .generic(
                "RunWithApiError error: Failed to open the API socket at: \(path). Check that it is not already used.",
                "RunWithApi(FailedToBindSocket(\"\(path)\"))")
        } catch {
            let reason = error == .nameTooLong ? "path must be shorter than SUN_LEN" : error.withNumber
            throw .generic(
                "RunWithApiError error: Failed to bind and run the HTTP server: IO error: \(reason)",
                "RunWithApi(FailedToBindAndRunHttpServer(IOError(\(error.debugText))))")
        }
    }

    /// Refuses to run without the confinement that was asked for.
    private func checkSeccomp(_ arguments: Arguments) throws(ProcessEnd) {
        guard let path = arguments["seccomp-filter"] else { return }
        do throws(Errno) {
            _ = try LocalHost().openFile(path, writable: false)
        } catch {
            throw .generic(
                "Seccomp error: Filter file open error: \(error.withNumber)",
                "SeccompFilter(FileOpen(\(error.debugText)))")
        }
        let sentence = "smartvm-qemu cannot apply filters that were made for Firecracker. Start it with --no-seccomp."
        throw .generic("Seccomp error: \(sentence)", "SeccompFilter(Unsupported)")
    }

    private func qemuUser(_ arguments: Arguments) throws(ProcessEnd) -> QEMUUser? {
        guard let text = arguments["qemu-user"] else { return nil }
        do throws(QEMUUser.Refusal) {
            let accounts = (try? File.read("/etc/passwd")) ?? []
            return try QEMUUser(text, accounts: accounts, capabilities: QEMUUser.ownCapabilities)
        } catch {
            throw .failure(
                status: ProcessEnd.badArgumentsStatus,
                sentence: "Invalid value for argument 'qemu-user': \(error.sentence)",
                debugText: "InvalidUser(\(RustText.quoted(text)))")
        }
    }

    /// The value of a numeric option, nil if it was not given. One that is no number ends the process as Firecracker's
    /// panic does.
    private func numericOption(_ arguments: Arguments, _ name: String, _ type: String) -> Int? {
        guard let text = arguments[name] else { return nil }
        guard let value = UInt64(text) else {
            panic(
                "'\(name)' parameter expected to be of '\(type)' type.: ParseIntError { kind: InvalidDigit }", log: log)
        }
        return Int(clamping: value)
    }
}
