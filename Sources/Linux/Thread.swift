internal import CLinux
internal import Glibc

/// A thread of the system, for work that waits inside system calls.
public struct Thread: ~Copyable, Sendable {
    private let handle: pthread_t

    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes of it are shown by ps(1).
    ///   - stackSize: In bytes.
    ///   - blocksSignals: Whether all signals are blocked in it, and in processes that it starts. Default: yes. If not, those that are in the
    ///     thread that starts it.
    public init(
        _ name: String, stackSize: Int = 512 << 10, blocksSignals: Bool = true, _ run: @escaping @Sendable () -> Void
    ) throws(Errno) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackSize)
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        if blocksSignals {
            pthread_sigmask(SIG_SETMASK, &all, &before)
        } else {
            pthread_sigmask(SIG_BLOCK, nil, &before)
        }
        let body = Unmanaged.passRetained(Body(name, run))
        var handle = pthread_t()
        let result = pthread_create(
            &handle, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                _ = body.name.withCString { clinux_prctl(CLINUX_PR_SET_NAME, UInt(bitPattern: $0)) }
                body.run()
                return nil
            }, body.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        pthread_attr_destroy(&attributes)
        guard result == 0 else {
            body.release()
            throw Errno(rawValue: result)
        }
        self.handle = handle
    }

    /// Lets it run on its own.
    public consuming func detach() {
        pthread_detach(handle)
    }

    /// Waits until it has ended.
    public consuming func join() {
        pthread_join(handle, nil)
    }
}
