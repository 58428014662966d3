/// The header of every packet between a guest's socket driver and its device: `struct virtio_vsock_hdr`.
struct VsockHeader: Hashable {
    static let size = 44
    static let hostCID: UInt64 = 2
    static let streamType: UInt16 = 1

    enum Operation: UInt16 {
        case request = 1, response, reset, shutdown, data, creditUpdate, creditRequest
    }

    /// Flags of ``Operation/shutdown``.
    struct Shutdown: OptionSet, Hashable {
        var rawValue: UInt32
        /// The sender will receive nothing more.
        static let receive = Shutdown(rawValue: 1)
        /// The sender will send nothing more.
        static let send = Shutdown(rawValue: 2)
        static let both: Shutdown = [.receive, .send]
    }

    var sourceCID: UInt64
    var destinationCID: UInt64
    var sourcePort: UInt32
    var destinationPort: UInt32
    /// Bytes that follow.
    var length: UInt32 = 0
    var type = VsockHeader.streamType
    /// An ``Operation``, or something unknown.
    var operation: UInt16
    var flags: UInt32 = 0
    /// The sender's buffer.
    var bufferSize: UInt32 = 0
    /// How many bytes have left the sender's buffer since the connection began, modulo 2³².
    var forwarded: UInt32 = 0

    init(
        sourceCID: UInt64, destinationCID: UInt64, sourcePort: UInt32, destinationPort: UInt32, operation: Operation
    ) {
        self.sourceCID = sourceCID
        self.destinationCID = destinationCID
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.operation = operation.rawValue
    }

    /// Nil if there are fewer than ``size`` bytes.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.size else { return nil }
        func field<Value: FixedWidthInteger>(_ offset: Int) -> Value {
            Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        sourceCID = field(0)
        destinationCID = field(8)
        sourcePort = field(16)
        destinationPort = field(20)
        length = field(24)
        type = field(28)
        operation = field(30)
        flags = field(32)
        bufferSize = field(36)
        forwarded = field(40)
    }

    /// Writes ``size`` bytes.
    func encode(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.size)
        func put<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
            bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        }
        put(sourceCID, 0)
        put(destinationCID, 8)
        put(sourcePort, 16)
        put(destinationPort, 20)
        put(length, 24)
        put(type, 28)
        put(operation, 30)
        put(flags, 32)
        put(bufferSize, 36)
        put(forwarded, 40)
    }
}
