internal import Linux

/// The devices of a machine that this process plays for QEMU: its socket device and its network interfaces.
struct VhostDevices {
    let vsock: VsockThread?
    let network: NetworkInterfaces?
    // After the others, which answer what it hands them.
    private let dispatcher: VhostDispatcher

    /// Nil if there is none.
    ///
    /// - Parameters:
    ///   - listener: That of QEMU's seccomp filter.
    ///   - line: How QEMU was started.
    init?(
        _ description: MachineDescription, _ process: ChildProcess, _ listener: SharedDescriptor,
        _ line: QEMUCommandLine
    ) throws(MachineFault) {
        var inboxes: [Int32: VhostInbox] = [:]
        do throws(Errno) {
            if let vsock = description.vsock, let number = line.vsockDescriptor {
                let inbox = try VhostInbox(listener)
                inboxes[number] = inbox
                self.vsock = try VsockThread(
                    listener: vsock.listener, path: vsock.path, process: process, inbox: inbox,
                    nextHostPort: description.snapshot?.state.nextHostPort, holdsClients: description.snapshot != nil)
            } else {
                vsock = nil
            }
            if line.networkDescriptors.isEmpty {
                network = nil
            } else {
                let inbox = try VhostInbox(listener)
                for number in line.networkDescriptors { inboxes[number] = inbox }
                network = try NetworkInterfaces(
                    description, numbers: line.networkDescriptors, process: process, inbox: inbox)
            }
            if inboxes.isEmpty { return nil }
            dispatcher = try VhostDispatcher(listener, inboxes)
        } catch {
            throw MachineFault("Cannot start the network and vsock devices", error)
        }
    }
}
