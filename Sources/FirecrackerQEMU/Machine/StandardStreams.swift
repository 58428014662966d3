internal import Glibc
internal import Linux

/// The two ends of the guest's serial console.
///
/// QEMU makes a terminal raw and its input non-blocking, and puts both back when it ends by itself. Both belong to the open file, which
/// the shell that started this process shares; so they are noted here and put back also after QEMU was killed.
final class StandardStreams {
    let input: Int32
    let output: Int32
    private let null: Int32
    private var settings: [(descriptor: Int32, settings: Terminal.Settings?, flags: Int32)]

    init(_ console: MachineDescription.Console) throws(Errno) {
        null = try Descriptor.open("/dev/null", O_RDWR).take()
        switch console {
        case .standardStreams:
            // As with Firecracker, which would take a file or a socket for nothing.
            input = Terminal.isTerminal(0) || Self.isPipe(0) ? 0 : null
            output = Self.isOpen(1) ? 1 : null
            settings = [0, 1].filter(Self.isOpen).map {
                ($0, try? Terminal.settings(of: $0), fcntl($0, F_GETFL))
            }
        case .file(let descriptor):
            input = null
            output = descriptor
            settings = []
        }
    }

    deinit {
        restore()
        close(null)
    }

    /// Puts everything back, once. QEMU must have ended.
    func restore() {
        for stream in settings {
            if let settings = stream.settings { Terminal.restore(settings, on: stream.descriptor) }
            if stream.flags >= 0 { _ = fcntl(stream.descriptor, F_SETFL, stream.flags) }
        }
        settings = []
    }

    private static func isPipe(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    private static func isOpen(_ descriptor: Int32) -> Bool {
        fcntl(descriptor, F_GETFD) >= 0
    }
}
