internal import FirecrackerAPI
internal import Linux

extension Errno {
    /// As Rust's standard library shows it.
    var withNumber: String { "\(self) (os error \(rawValue))" }
}

extension APIFault {
    /// A fault whose text ends with an errno.
    init(_ message: String, _ errno: Errno, _ rest: String = "") {
        self.init("\(message): \(errno.withNumber)\(rest)")
    }
}

extension Errno {
    /// An I/O error as Rust's `Debug` shows it.
    var debugText: String {
        let kind =
            switch self {
            case .noSuchFile: "NotFound"
            case .permissionDenied, .notPermitted: "PermissionDenied"
            case .addressInUse: "AddrInUse"
            case .fileExists: "AlreadyExists"
            case .isDirectory: "IsADirectory"
            case .notDirectory: "NotADirectory"
            case .invalidArgument: "InvalidInput"
            case .nameTooLong: "InvalidFilename"
            default: "Uncategorized"
            }
        return "Os { code: \(rawValue), kind: \(kind), message: \"\(self)\" }"
    }
}
