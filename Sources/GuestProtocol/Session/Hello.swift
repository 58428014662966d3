/// The guest's first message on a session: who it is, and how long its boot took.
///
/// A session begins when the guest is up, and anew each time its connection breaks (every vsock connection is reset when a snapshot
/// is restored): so a clone asks for its own identity before it does anything else.
public struct Hello: Hashable, Sendable {
    /// The version of this protocol that the guest speaks.
    public var protocolVersion: UInt32
    /// As `uname -r` and `uname -m` say it.
    public var kernelRelease: String
    public var architecture: String
    public var agentVersion: String
    /// The guest's monotonic clock when this was sent, in µs.
    public var monotonicMicroseconds: UInt64
    /// The steps of the boot in their order.
    public var bootSteps: [BootStep]

    /// The version that this package speaks.
    public static let currentProtocolVersion: UInt32 = 1

    public struct BootStep: Hashable, Sendable {
        public var name: String
        /// When the step ended, in µs of the guest's monotonic clock.
        public var endedMicroseconds: UInt64

        public init(name: String, endedMicroseconds: UInt64) {
            self.name = name
            self.endedMicroseconds = endedMicroseconds
        }
    }

    public init(
        protocolVersion: UInt32 = Hello.currentProtocolVersion, kernelRelease: String, architecture: String,
        agentVersion: String, monotonicMicroseconds: UInt64, bootSteps: [BootStep]
    ) {
        self.protocolVersion = protocolVersion
        self.kernelRelease = kernelRelease
        self.architecture = architecture
        self.agentVersion = agentVersion
        self.monotonicMicroseconds = monotonicMicroseconds
        self.bootSteps = bootSteps
    }
}

extension Hello {
    func write(to writer: inout WireWriter) {
        writer.write(protocolVersion)
        writer.write(kernelRelease)
        writer.write(architecture)
        writer.write(agentVersion)
        writer.write(monotonicMicroseconds)
        writer.write(list: bootSteps) { writer, step in
            writer.write(step.name)
            writer.write(step.endedMicroseconds)
        }
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        protocolVersion = try reader.integer()
        kernelRelease = try reader.string()
        architecture = try reader.string()
        agentVersion = try reader.string()
        monotonicMicroseconds = try reader.integer()
        bootSteps = try reader.list { (reader) throws(GuestProtocolError) in
            BootStep(name: try reader.string(), endedMicroseconds: try reader.integer())
        }
    }
}
