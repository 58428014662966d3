internal import GuestProtocol
internal import Linux
internal import Reactor

/// A command's stdin, and what it has not read yet.
///
/// The host may send as many bytes as it was given credit for, and gets new credit as the command reads: so that input waits with
/// the host, and the frames that follow it are never stuck behind it.
final class InputStream {
    /// All the credit there is, in bytes.
    static let window = 256 << 10

    private var descriptor: Descriptor?
    private let loop: EventLoop
    private let isTerminal: Bool
    private var registration: EventLoop.Registration?
    private var waiting: [UInt8] = []
    private var waitingOffset = 0
    /// What the host may still send.
    private var credit = InputStream.window
    /// What was used up but not given back yet.
    private var owed = 0
    private var endsWhenEmpty = false
    /// Whether input can still reach the command.
    var isOpen: Bool { registration != nil }

    /// - Parameter descriptor: Non-blocking.
    init(
        _ descriptor: consuming Descriptor, isTerminal: Bool, loop: EventLoop, handler: any EventHandler, source: UInt8
    ) throws(Errno) {
        let number = descriptor.rawValue
        self.descriptor = consume descriptor
        self.loop = loop
        self.isTerminal = isTerminal
        registration = try loop.add(number, [], handler: handler, source: source)
    }

    /// Takes bytes of the host. More than it has credit for is not the protocol.
    func receive(_ bytes: UnsafeRawBufferPointer) throws(ConnectionEnd) {
        guard bytes.count <= credit else {
            throw .garbage(.frameTooLong(type: FrameType.stdin.rawValue, length: bytes.count, limit: credit))
        }
        credit -= bytes.count
        // After its end, or when nobody reads, input goes nowhere.
        guard isOpen, !endsWhenEmpty else {
            owed += bytes.count
            return
        }
        if waitingOffset < waiting.count {
            waiting.append(contentsOf: bytes)
            return
        }
        let (taken, isBroken) = write(bytes)
        owed += taken
        if isBroken {
            owed += bytes.count - taken
            close()
        } else if taken < bytes.count {
            waiting = Array(bytes[taken...])
            waitingOffset = 0
            if let registration { loop.modify(registration, [.writable]) }
        }
    }

    /// Nothing comes after what has come.
    func end() {
        endsWhenEmpty = true
        finishIfEmpty()
    }

    /// The command can take more, or has closed its end.
    func handle(_ events: Epoll.Events) {
        if waitingOffset < waiting.count {
            let (taken, isBroken) = waiting.withUnsafeBytes {
                write(UnsafeRawBufferPointer(rebasing: $0[waitingOffset...]))
            }
            owed += taken
            waitingOffset += taken
            if isBroken { close() }
        } else if !events.isDisjoint(with: [.error, .hangUp]) {
            close()
        }
        if isOpen, waitingOffset == waiting.count {
            waiting = []
            waitingOffset = 0
            if let registration { loop.modify(registration, []) }
            finishIfEmpty()
        }
    }

    /// Credit to give back, once it is worth a frame.
    func takeCredit() -> UInt32? {
        guard owed >= Self.window / 4 else { return nil }
        defer { owed = 0 }
        credit += owed
        return UInt32(owed)
    }

    func close() {
        owed += waiting.count - waitingOffset
        waiting = []
        waitingOffset = 0
        if let registration { loop.remove(registration) }
        registration = nil
        descriptor = nil
    }

    private func finishIfEmpty() {
        guard endsWhenEmpty, isOpen, waitingOffset == waiting.count else { return }
        if isTerminal {
            // A terminal stays open, for its output; its line discipline takes this character (^D) for the end of input.
            var end: UInt8 = 4
            _ = withUnsafeBytes(of: &end) { write($0) }
        }
        close()
    }

    /// How many bytes the command's end took, and whether it is closed.
    private func write(_ bytes: UnsafeRawBufferPointer) -> (count: Int, isBroken: Bool) {
        var offset = 0
        while offset < bytes.count {
            do throws(Errno) {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                switch descriptor {
                case .some(let descriptor): offset += try descriptor.write(rest)
                case .none: return (offset, true)
                }
            } catch {
                return (offset, error != .wouldBlock)
            }
        }
        return (offset, false)
    }
}
