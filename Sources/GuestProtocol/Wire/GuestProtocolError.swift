/// What a peer sent, or was to be sent, that is not the protocol. Such a connection is closed; nothing else happens.
public enum GuestProtocolError: Error, Hashable, Sendable {
    /// A frame of a type that this version does not know.
    case unknownFrame(type: UInt8)
    /// A frame that is longer than its type may be.
    case frameTooLong(type: UInt8, length: Int, limit: Int)
    /// A frame that this end of this kind of connection never gets.
    case unexpectedFrame(type: UInt8)
    /// A payload that ends before its message does.
    case truncated
    /// A payload that goes on after its message.
    case trailingBytes(count: Int)
    /// A string that is not UTF-8.
    case invalidText
    /// A number that stands for nothing in this place, for example a boolean of 7.
    case invalidValue
}

extension GuestProtocolError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownFrame(let type): "unknown frame type \(type)"
        case .frameTooLong(let type, let length, let limit):
            "frame of type \(type) with \(length) bytes, of which at most \(limit) are allowed"
        case .unexpectedFrame(let type): "frame type \(type) has no place here"
        case .truncated: "message cut short"
        case .trailingBytes(let count): "\(count) bytes after the end of a message"
        case .invalidText: "text that is not UTF-8"
        case .invalidValue: "a value out of its range"
        }
    }
}
