internal import FirecrackerAPI
internal import Linux

/// A started microVM as the API sees it: QEMU, and the record of its devices.
final class RunningMachine {
    let machine: QEMUMachine
    /// As configured, and changed since.
    var devices: VMResources

    init(_ machine: QEMUMachine, devices: VMResources) {
        self.machine = machine
        self.devices = devices
    }

    var isPaused: Bool { machine.isPaused }

    func perform(_ request: APIRequest, controller: Controller) throws(APIFault) -> APIAnswer {
        switch request {
        case .getInstanceInfo: return .instanceInfo(controller.instanceInfo)
        case .getVersion: return .version(VersionInfo(firecrackerVersion: Controller.version))
        case .getVMConfiguration: return .vmConfiguration(devices.configuration)
        case .getMachineConfig: return .machineConfig(devices.machineConfig)
        case .setVMState(let state): try setState(state, controller)
        case .getMMDS, .putMMDS, .patchMMDS: return try serveMetadata(request)
        case .getBalloon: return .balloon(try configuredBalloon())
        case .patchBalloon(let update): try updateBalloon(update)
        case .getBalloonStatistics: return .balloonStatistics(try balloonStatistics())
        case .patchBalloonStatistics(let update): try updateBalloonStatistics(update)
        case .getBalloonHintingStatus: return .balloonHintingStatus(try balloonHintingStatus())
        case .startBalloonHinting, .stopBalloonHinting: try controlBalloonHinting()
        case .patchDrive(let update): try updateDrive(update, controller.metrics)
        case .patchNetworkInterface(let update): try updateNetworkInterface(update)
        case .patchPmem(let update): try updatePmem(update, controller.log)
        case .getMemoryHotplug: return .memoryHotplug(try hotplugMemoryStatus())
        case .patchMemoryHotplug(let update): try updateHotplugMemory(update)
        case .createSnapshot(let request): try createSnapshot(request, controller)
        case .putDrive, .putPmem, .putNetworkInterface, .deleteDrive, .deletePmem, .deleteNetworkInterface:
            try changeDevices(request, log: controller.log)
        // All others are for a VM that is not started, which the table says and the caller has checked.
        default: throw .notAfterStart
        }
        return .done
    }

    static let noDevice = "Failed perform action on device: Device not found"
    private func setState(_ state: VMState, _ controller: Controller) throws(APIFault) {
        let start = ContinuousClock.now
        do throws(MachineFault) {
            switch state {
            case .paused: if !machine.isPaused { try machine.pause() }
            case .resumed: if machine.isPaused { try machine.resume() }
            }
        } catch {
            throw APIFault("Internal VMM error: \(error.description)")
        }
        let action: TimedAction = state == .paused ? .pause : .resume
        action.finishAction(since: start, metrics: controller.metrics, log: controller.log)
    }

    func sendCtrlAltDel() throws(APIFault) {
        do throws(MachineFault) {
            try machine.sendCtrlAltDel()
        } catch {
            throw APIFault("Internal VMM error: \(error.description)")
        }
    }

    private func serveMetadata(_ request: APIRequest) throws(APIFault) -> APIAnswer {
        guard devices.metadataConfig != nil else { throw .metadataNotInitialized }
        switch request {
        case .putMMDS(let value): try devices.metadata.put(value)
        case .patchMMDS(let value): try devices.metadata.patch(value)
        default: return .mmds(devices.metadata.shown)
        }
        machine.network?.setMetadata(devices.metadata)
        return .done
    }
}

// MARK: Changes of devices

extension RunningMachine {
    private func updateDrive(_ update: DriveUpdate, _ metrics: Metrics) throws(APIFault) {
        func refuse(_ reason: String) -> APIFault {
            APIFault(
                "Drive config error: Unable to patch the block device: \(reason) Please verify the request arguments.")
        }
        guard let index = devices.drives.firstIndex(where: { $0.config.driveId == update.driveId }) else {
            throw refuse(Self.noDevice)
        }
        let isVhostUser = devices.drives[index].config.socket != nil
        guard isVhostUser != (update.pathOnHost != nil || update.rateLimiter != nil) else {
            throw refuse("Block: Running method expected different backend.")
        }
        if isVhostUser {
            throw refuse(
                "Block: smartvm-qemu reads the configuration of a vhost-user drive when its server says that it has "
                    + "changed, and at no other time.")
        }
        if let path = update.pathOnHost {
            let file: SharedDescriptor
            do throws(Errno) {
                file = try devices.host.openFile(path, writable: devices.drives[index].config.isReadOnly != true)
            } catch {
                throw refuse(
                    "Block: Virtio backend error: Error manipulating the backing file: \(error.withNumber) \(path)")
            }
            do throws(MachineFault) {
                try machine.replaceFile(ofDrive: update.driveId, with: file.descriptor.rawValue)
            } catch {
                throw refuse("Block: \(error.description)")
            }
            devices.drives[index].config.pathOnHost = path
            devices.drives[index].file = file
            metrics.count(Metrics.Counter("block", "update_count"))
            metrics.count(Metrics.Counter("block_\(update.driveId)", "update_count"))
        }
        if let change = update.rateLimiter {
            let limiter = (devices.drives[index].config.rateLimiter ?? RateLimiter()).updated(by: change).effective
            do throws(MachineFault) {
                try machine.setLimiter(
                    ofDrive: update.driveId, to: DriveLimiter(limiter),
                    fresh: (bandwidth: change.bandwidth != nil, operations: change.ops != nil))
            } catch {
                throw refuse("Block: \(error.description)")
            }
            devices.drives[index].config.rateLimiter = limiter
        }
    }

    private func updateNetworkInterface(_ update: NetworkInterfaceUpdate) throws(APIFault) {
        let failure = "Network config error: Unable to update the net device: "
        guard let index = devices.interfaces.firstIndex(where: { $0.config.ifaceId == update.ifaceId }) else {
            throw APIFault(failure + Self.noDevice)
        }
        guard
            update.rxRateLimiter == nil && update.txRateLimiter == nil
                || machine.network?.carries(update.ifaceId) == true
        else {
            throw APIFault(
                failure + "smartvm-qemu cannot limit an interface that was plugged after InstanceStart: put it before.")
        }
        var config = devices.interfaces[index].config
        config.rxRateLimiter = config.rxRateLimiter.updated(by: update.rxRateLimiter)
        config.txRateLimiter = config.txRateLimiter.updated(by: update.txRateLimiter)
        machine.network?.updateLimiters(
            of: update.ifaceId, receive: update.rxRateLimiter, send: update.txRateLimiter)
        devices.interfaces[index].config = config
    }
}

// MARK: The balloon

extension RunningMachine {
    private func updateRefused(_ reason: String) -> APIFault { APIFault("Balloon update error: \(reason)") }

    private static let notActivated = "Balloon: Device not activated yet."

    private func configuredBalloon() throws(APIFault) -> BalloonConfig {
        guard let balloon = devices.balloon else { throw APIFault("Internal VMM error: \(Self.noDevice)") }
        return balloon
    }

    private func updateBalloon(_ update: BalloonUpdate) throws(APIFault) {
        guard devices.balloon != nil else { throw updateRefused(Self.noDevice) }
        guard machine.isBalloonActive else { throw updateRefused(Self.notActivated) }
        do throws(MachineFault) {
            try machine.setBalloonTarget(Int(update.amountMib))
        } catch {
            throw updateRefused(error.description)
        }
        devices.balloon?.amountMib = update.amountMib
    }

    private func updateBalloonStatistics(_ update: BalloonStatisticsUpdate) throws(APIFault) {
        guard let balloon = devices.balloon else { throw updateRefused(Self.noDevice) }
        guard (balloon.statsPollingIntervalS == 0) == (update.statsPollingIntervalS == 0) else {
            throw updateRefused("Balloon: Statistics cannot be enabled/disabled after activation.")
        }
        if balloon.statsPollingIntervalS != update.statsPollingIntervalS {
            do throws(MachineFault) {
                try machine.setBalloonStatisticsInterval(Int(update.statsPollingIntervalS))
            } catch {
                throw updateRefused(error.description)
            }
        }
        devices.balloon?.statsPollingIntervalS = update.statsPollingIntervalS
    }

    private func balloonStatistics() throws(APIFault) -> BalloonStatistics {
        let balloon = try configuredBalloon()
        guard balloon.statsPollingIntervalS > 0 else {
            throw APIFault("Internal VMM error: Balloon: Received stats query when stats are disabled.")
        }
        do throws(MachineFault) {
            let statistics = try machine.balloonStatistics()
            let actualMib = UInt32(clamping: statistics.actualBytes >> 20)
            var answer = BalloonStatistics(
                targetPages: balloon.amountMib * 256, actualPages: UInt32(clamping: statistics.actualBytes >> 12),
                targetMib: balloon.amountMib, actualMib: actualMib)
            for (name, value) in statistics.reported { answer.setReported(name, to: value) }
            return answer
        } catch {
            throw APIFault("Internal VMM error: \(error.description)")
        }
    }

    private func balloonHintingStatus() throws(APIFault) -> BalloonHintingStatus {
        guard let balloon = devices.balloon else { throw updateRefused(Self.noDevice) }
        guard balloon.freePageHinting else {
            throw updateRefused("Balloon: Attempting to use hinting when not enabled")
        }
        return BalloonHintingStatus(hostCmd: 0)
    }

    private func controlBalloonHinting() throws(APIFault) {
        _ = try balloonHintingStatus()
        guard machine.isBalloonActive else { throw updateRefused(Self.notActivated) }
        throw updateRefused("Balloon: smartvm-qemu cannot ask the guest for free pages; free_page_reporting works")
    }
}
