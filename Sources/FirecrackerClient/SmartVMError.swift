/// The one error of SmartVM's public interface: what went wrong, with what, and what to do about it.
public struct SmartVMError: Error, Sendable {
    /// A stable identifier of the kind of failure, for programs.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }

    /// An answer of the VMM that refuses a request.
    public struct Fault: Hashable, Sendable {
        /// Method and path, for example `PUT /machine-config`.
        public var endpoint: String
        /// The HTTP status.
        public var status: Int
        /// The VMM's own words.
        public var message: String

        /// Each parameter sets the property of its name, which says what it means.
        public init(endpoint: String, status: Int, message: String) {
            self.endpoint = endpoint
            self.status = status
            self.message = message
        }
    }

    /// The kind of failure.
    public var code: Code
    /// One sentence that names the thing and the cause.
    public var message: String
    /// What to do about it, where that is known.
    public var cure: String?
    /// What the VMM answered, if it was the one that refused.
    public var fault: Fault?
    /// What it was caused by.
    public var underlying: (any Error)?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        _ code: Code, _ message: String, cure: String? = nil, fault: Fault? = nil, underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.cure = cure
        self.fault = fault
        self.underlying = underlying
    }
}

extension SmartVMError: CustomStringConvertible {
    public var description: String {
        cure.map { "\(message)\n\($0)" } ?? message
    }
}

extension SmartVMError.Code {
    /// The VMM refused a request: see ``SmartVMError/fault``.
    public static let apiError = Self(rawValue: "API_ERROR")
    /// The VMM's socket is missing, refuses, or broke off.
    public static let socketError = Self(rawValue: "SOCKET_ERROR")
    /// The VMM did not answer in time.
    public static let timeout = Self(rawValue: "TIMEOUT")
    /// The operation is not possible in the state that the VM is in.
    public static let invalidState = Self(rawValue: "INVALID_STATE")
    /// The VM has no VMM process to talk to.
    public static let noClient = Self(rawValue: "NO_CLIENT")
    /// A configuration that no VMM can accept.
    public static let invalidConfiguration = Self(rawValue: "INVALID_CONFIG")
}
