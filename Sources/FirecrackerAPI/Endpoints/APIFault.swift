/// A refusal of a request, as it goes over the wire: status and `fault_message`.
public struct APIFault: Error, Hashable, Sendable {
    /// The HTTP status: 400, or 413 for metadata beyond its limit.
    public var status: Int
    /// What the VMM says: Firecracker's words.
    public var message: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(_ message: String, status: Int = 400) {
        self.message = message
        self.status = status
    }
}

extension APIFault {
    /// For what only a VM that was started can do.
    public static let notBeforeStart = APIFault(
        "The requested operation is not supported before starting the microVM.")
    /// For what only a VM that was not started yet can do.
    public static let notAfterStart = APIFault(
        "The requested operation is not supported after starting the microVM.")

    /// The body of an answer.
    public var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("fault_message")
            writer.string(message)
        }
        return writer.bytes
    }
}
