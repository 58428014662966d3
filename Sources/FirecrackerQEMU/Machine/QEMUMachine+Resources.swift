internal import FirecrackerAPI
internal import Linux

// What a start opens for QEMU, over and above the description.

extension QEMUMachine {
    static func openStreams(_ description: MachineDescription) throws(MachineFault) -> DeviceStreams? {
        do throws(Errno) {
            return try DeviceStreams(
                console: description.consoleLimiter, entropy: description.entropy?.limiter,
                levels: description.snapshot?.state.limiters[DeviceStreams.entropyName])
        } catch {
            throw MachineFault("Cannot open the channels to QEMU", error)
        }
    }

    static func begin(_ streams: DeviceStreams?, output: Int32) throws(MachineFault) {
        do throws(Errno) {
            try streams?.begin(output: output)
        } catch {
            throw MachineFault("Cannot start the thread of the limited devices", error)
        }
    }

    /// Puts copies in the place of what QEMU's user may not read.
    static func makeReadable(
        _ description: inout MachineDescription, for user: QEMUUser?
    ) throws(MachineFault) -> [SharedDescriptor] {
        for (index, device) in description.persistentMemory.enumerated() {
            guard let user, !user.mayOpen(device.file, writable: !device.isReadOnly) else { continue }
            throw MachineFault(
                "Cannot create pmem device: QEMU runs as user \(user.userID) (--qemu-user), who must be able to open the file of "
                    + "pmem device \(index + 1) for reading\(device.isReadOnly ? "" : " and writing"): chown it to that user."
            )
        }
        var copies: [SharedDescriptor] = []
        do throws(Errno) {
            for file in [\MachineDescription.kernel, \MachineDescription.initrd] {
                guard let given = description[keyPath: file], let copy = try user?.readableCopy(of: given) else {
                    continue
                }
                description[keyPath: file] = copy.descriptor.rawValue
                copies.append(copy)
            }
        } catch {
            throw MachineFault("Cannot copy the kernel for QEMU's user", error)
        }
        return copies
    }
}
