internal import Linux

/// Letting clients in after a restore.
///
/// A guest that goes on from a snapshot is told by an event that its connections are gone, and drops all that it has when it takes note:
/// a connection that was made in the meantime would go with the others. Events and packets are taken note of in their order but for
/// those of one interrupt. So the first packet after the event is a question, for a connection to a port that nobody can listen on,
/// and clients wait for the guest's refusal.
extension VsockDevice {
    enum Admission: Equatable {
        /// Clients wait for leave.
        case held
        /// They wait for the guest, until this time of the monotonic clock in nanoseconds.
        case asking(until: UInt64)
        case open
    }

    /// VMADDR_PORT_ANY, on both sides.
    private static let nobodysPort = UInt32.max

    /// Lets clients in as soon as that is safe.
    func admitClients() {
        guard admission == .held else { return }
        guard isRunning else {
            // A driver that is not up has no connections to lose.
            admission = .open
            return
        }
        admission = .asking(until: Self.now + Self.answerTime)
        muxer.ask(guestCID: guestCID, port: Self.nobodysPort)
    }

    /// Whether a packet is the refusal that clients wait for.
    func isAnswer(_ header: VsockHeader) -> Bool {
        guard case .asking = admission else { return false }
        return header.destinationPort == Self.nobodysPort && header.sourcePort == Self.nobodysPort
            && header.operation == VsockHeader.Operation.reset.rawValue
    }

    func openDoor() {
        admission = .open
        listenForClients(isRunning)
    }

    /// A guest that does not answer keeps nobody waiting for ever.
    func expireAdmission() {
        if case .asking(let time) = admission, time <= Self.now { openDoor() }
    }
}
