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
