internal import FirecrackerAPI
internal import Glibc
internal import Linux

extension RunningMachine {
    /// Saves a paused machine in two files, which it does not leave half made: both get their names when both are complete, the
    /// state file last.
    func createSnapshot(_ request: SnapshotCreate, _ controller: Controller) throws(APIFault) {
        let start = ContinuousClock.now
        guard isPaused else {
            throw Self.failure(
                "Cannot save the microVM state: Operation not allowed: save/restore unavailable while running")
        }
        for (index, device) in devices.pmem.enumerated() where machine.isActive("pmem\(index)") {
            throw Self.failure(
                "Cannot save the microVM state: QEMU does not save the queue of pmem \(device.id), which the guest's driver "
                    + "uses: after a restore it would wait for its first flush for ever. Use a drive instead")
        }
        let isDiff = request.snapshotType == .diff
        let size = machine.savedMemorySize
        let stateFile = try Self.open(request.snapshotPath, "snapshot")
        let replaces = File.exists(request.memFilePath)
        let memoryFile = try Self.open(request.memFilePath, "memory", keepsContent: isDiff)
        try Self.attempt("Cannot perform set_length on the memory backing file") { () throws(Errno) in
            try SparseFile.setSize(size, of: memoryFile.descriptor.rawValue)
        }
        // Who runs QEMU for the next load must be able to map it.
        if !replaces, let user = machine.user { _ = fchown(memoryFile.descriptor.rawValue, user.userID, user.groupID) }
        let state = try savedState()
        try Self.attempt("Cannot write memory file") { () throws(Errno) in
            try machine.saveMemory(to: memoryFile.descriptor.rawValue, changesOnly: isDiff)
        }
        try Self.attempt("Cannot perform sync_all on the memory backing file") { () throws(Errno) in
            try memoryFile.synchronize()
        }
        try Self.attempt("Cannot write the snapshot backing file") { () throws(Errno) in
            try stateFile.descriptor.writeAll(state.encoded)
            try stateFile.synchronize()
        }
        // A state that stood there before does not belong to the new memory, not even for an instant.
        if Self.isRegularFile(request.snapshotPath) { unlink(request.snapshotPath) }
        do throws(Errno) {
            try memoryFile.publish()
        } catch {
            throw Self.failure("Cannot perform rename on the memory backing file", error)
        }
        do throws(Errno) {
            try stateFile.publish()
        } catch {
            throw Self.failure("Cannot perform rename on the snapshot backing file", error)
        }
        machine.confirmSavedMemory()
        let action: TimedAction = isDiff ? .createDiff : .createFull
        action.finishAction(since: start, metrics: controller.metrics, log: controller.log)
    }

    private func savedState() throws(APIFault) -> SnapshotState {
        do throws(MachineFault) {
            return SnapshotState(
                configuration: devices.configuration, isPCIEnabled: devices.isPCIEnabled,
                machine: try machine.saveState())
        } catch {
            throw Self.failure("Cannot save the microVM state: \(error.description)")
        }
    }

    private static func failure(_ sentence: String, _ errno: Errno? = nil) -> APIFault {
        APIFault("Create snapshot error: \(sentence)\(errno.map { ": \($0.withNumber)" } ?? "")")
    }

    private static func attempt(_ sentence: String, _ body: () throws(Errno) -> Void) throws(APIFault) {
        do throws(Errno) {
            try body()
        } catch {
            throw failure(sentence, error)
        }
    }

    private static func open(
        _ path: String, _ name: String, keepsContent: Bool = false
    ) throws(APIFault) -> UnpublishedFile {
        do throws(Errno) {
            return try UnpublishedFile.begin(for: path, keepsContent: keepsContent)
        } catch {
            throw failure("Cannot perform open on the \(name) backing file", error)
        }
    }

    private static func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}
