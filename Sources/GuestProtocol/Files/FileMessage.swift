/// What is said on a file connection, by either side.
///
/// The host begins with a ``request(_:)``. Then one of the two sends ``data(_:)``, cut as it likes. If it is the host, it ends with
/// ``dataEnd``; the guest ends in either case with ``finished(_:)`` or ``failed(_:)``. A guest that fails says so at once, and then
/// reads and drops what still comes. The host closes the connection; where it does so early, nothing half-written stays in the guest.
public enum FileMessage: FrameMessage, Hashable {
    case request(FileRequest)
    /// A part of a file's contents or of an archive.
    case data([UInt8])
    case dataEnd
    case finished(FileSummary)
    case failed(FileFailure)

    public var frameType: FrameType {
        switch self {
        case .request: .fileRequest
        case .data: .fileData
        case .dataEnd: .fileDataEnd
        case .finished: .fileFinished
        case .failed: .fileFailed
        }
    }

    public func writePayload(to writer: inout WireWriter) {
        switch self {
        case .request(let request): request.write(to: &writer)
        case .data(let bytes): bytes.withUnsafeBytes { writer.append($0) }
        case .dataEnd: break
        case .finished(let summary): summary.write(to: &writer)
        case .failed(let failure): failure.write(to: &writer)
        }
    }

    public init(_ type: FrameType, payload: inout WireReader) throws(GuestProtocolError) {
        switch type {
        case .fileRequest: self = .request(try FileRequest(from: &payload))
        case .fileData: self = .data(payload.rest())
        case .fileDataEnd: self = .dataEnd
        case .fileFinished: self = .finished(try FileSummary(from: &payload))
        case .fileFailed: self = .failed(try FileFailure(from: &payload))
        default: throw .unexpectedFrame(type: type.rawValue)
        }
    }
}
