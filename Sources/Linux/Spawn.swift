internal import CLinux
internal import Glibc

/// A process to start, with everything that must be settled between clone and exec.
///
/// swift-subprocess ties a child to a task and closes what it inherits; a VMM outlives its starter, and an agent's commands need a
/// terminal, a root directory and an identity of their own. Those are started with this.
public struct Spawn: Sendable {
    /// The program: an absolute path, looked up in `root` if that is set.
    public var path: String
    /// With argv[0].
    public var arguments: [String]
    /// `KEY=value`; nothing is inherited.
    public var environment: [String] = []
    /// chroot(2) before anything is looked up.
    public var root: String?
    public var workingDirectory: String?
    /// The descriptor at place i becomes descriptor i of the child; -1 leaves it closed. All others are closed there.
    public var descriptors: [Int32] = []
    /// Leads a session of its own, so that no terminal of the parent signals it.
    public var newSession = false
    /// With `newSession`: descriptor 0 is a terminal and becomes the controlling one.
    public var controllingTerminal = false
    /// Sent to the child when the spawning *thread* ends; that thread should live as long as the process.
    public var deathSignal: Int32?
    public var identity: Identity?
    public var noNewPrivileges = false
    /// Installed last, before exec: what it notifies of is answered by the holder of the listener.
    public var notificationFilter: [BPFInstruction] = []

    public struct Identity: Hashable, Sendable {
        public var user: UInt32
        public var group: UInt32
        public var groups: [UInt32]

        public init(user: UInt32, group: UInt32, groups: [UInt32] = []) {
            self.user = user
            self.group = group
            self.groups = groups
        }
    }

    /// One instruction of a classic BPF program, as in linux/filter.h.
    public struct BPFInstruction: Hashable, Sendable {
        public var code: UInt16
        public var jumpTrue: UInt8
        public var jumpFalse: UInt8
        public var operand: UInt32

        public init(_ code: UInt16, _ operand: UInt32, jumpTrue: UInt8 = 0, jumpFalse: UInt8 = 0) {
            self.code = code
            self.operand = operand
            self.jumpTrue = jumpTrue
            self.jumpFalse = jumpFalse
        }
    }

    public init(_ path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }

    /// Which step failed, and why.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        public enum Stage: Int32, Sendable {
            case clone = 1
            case descriptors, session, root, identity, workingDirectory, seccomp, execute
        }

        public var stage: Stage
        public var errno: Errno

        public init(stage: Stage, errno: Errno) {
            self.stage = stage
            self.errno = errno
        }

        public var description: String { "\(stage): \(errno)" }
    }

    /// Starts the process and returns once it has called exec.
    ///
    /// - Returns: The child, and the listener of `notificationFilter` if there is one.
    public func start() throws(Failure) -> Started {
        guard !notificationFilter.isEmpty else {
            return Started(child: ChildProcess(pid: try spawn(gate: -1, listenerSocket: -1)), listener: nil)
        }
        let pair: SocketPair
        do throws(Errno) { pair = try SocketPair() } catch { throw Failure(stage: .descriptors, errno: error) }
        let child = ChildProcess(pid: try spawn(gate: -1, listenerSocket: pair.second.rawValue))
        do throws(Errno) {
            return Started(child: child, listener: try DescriptorPassing.receiveOne(from: pair.first.rawValue))
        } catch {
            child.kill(SIGKILL)
            throw Failure(stage: .seccomp, errno: error)
        }
    }

    /// What ``start()`` gives.
    public struct Started: ~Copyable, Sendable {
        public let child: ChildProcess
        public var listener: Descriptor?

        /// The listener goes to the caller, once.
        public mutating func takeListener() -> Descriptor? {
            listener.take()
        }
    }

    /// Makes the process, which then waits: it runs the program only after ``Gated/release()``, and ends by itself if its starter
    /// does first. In between the starter can write down who it is.
    public func startGated() throws(Failure) -> Gated {
        let pair: SocketPair
        do throws(Errno) { pair = try SocketPair() } catch { throw Failure(stage: .descriptors, errno: error) }
        let child = ChildProcess(pid: try spawn(gate: pair.second.rawValue, listenerSocket: -1))
        return Gated(child: child, gate: pair.first)
    }

    /// A process that waits for leave to run.
    public struct Gated: ~Copyable, Sendable {
        public let child: ChildProcess
        let gate: Descriptor

        /// Lets the program run and returns once exec has succeeded.
        public consuming func release() throws(Failure) {
            let stages: (stage: Int32, errno: Int32)
            do throws(Errno) {
                try gate.writeAll([1])
                let report = try gate.readAll(limit: 64)
                guard report.count == 8 else { return }
                stages = report.withUnsafeBytes {
                    ($0.loadUnaligned(as: Int32.self), $0.loadUnaligned(fromByteOffset: 4, as: Int32.self))
                }
            } catch {
                throw Failure(stage: .clone, errno: error)
            }
            throw Failure(stage: Failure.Stage(rawValue: stages.stage) ?? .clone, errno: Errno(rawValue: stages.errno))
        }
    }

    private func spawn(gate: Int32, listenerSocket: Int32) throws(Failure) -> Int32 {
        // NUL ends a C string: such an argument would arrive cut.
        guard
            !(arguments + environment + [path, root ?? "", workingDirectory ?? ""]).contains(where: {
                $0.utf8.contains(0)
            })
        else { throw Failure(stage: .execute, errno: .invalidArgument) }

        var plan = clinux_spawn()
        plan.descriptor_count = descriptors.count
        plan.new_session = newSession ? 1 : 0
        plan.controlling_terminal = controllingTerminal ? 1 : 0
        plan.death_signal = deathSignal ?? 0
        plan.no_new_privileges = noNewPrivileges || !notificationFilter.isEmpty ? 1 : 0
        plan.listener_socket = listenerSocket
        plan.gate = gate
        if let identity {
            plan.change_identity = 1
            plan.uid = identity.user
            plan.gid = identity.group
            plan.group_count = identity.groups.count
        }
        plan.filter_length = UInt16(notificationFilter.count)
        let filter = notificationFilter.map {
            sock_filter(code: $0.code, jt: $0.jumpTrue, jf: $0.jumpFalse, k: $0.operand)
        }
        let groups = identity?.groups ?? []

        var stage: Int32 = 0
        let pid = CStrings.with(arguments) { argv in
            CStrings.with(environment) { envp in
                withOptionalCString(root) { root in
                    withOptionalCString(workingDirectory) { directory in
                        path.withCString { path in
                            descriptors.withUnsafeBufferPointer { descriptors in
                                groups.withUnsafeBufferPointer { groups in
                                    filter.withUnsafeBufferPointer { filter in
                                        plan.path = path
                                        plan.argv = argv
                                        plan.envp = envp
                                        plan.root = root
                                        plan.directory = directory
                                        plan.descriptors = descriptors.baseAddress
                                        plan.groups = groups.baseAddress
                                        plan.filter = filter.isEmpty ? nil : filter.baseAddress
                                        return clinux_spawn(&plan, &stage)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        if pid < 0 {
            throw Failure(stage: Failure.Stage(rawValue: stage) ?? .clone, errno: .current)
        }
        return pid
    }
}

func withOptionalCString<Result>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let string else { return body(nil) }
    return string.withCString { body($0) }
}

/// Vectors of C strings, closed by a null pointer, as execve(2) takes them.
enum CStrings {
    static func with<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("the closing null pointer is missing") }
            return body(base)
        }
    }
}
