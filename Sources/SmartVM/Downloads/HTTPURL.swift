internal import FirecrackerClient
internal import FoundationEssentials

/// An address that something can be fetched from: `http` or `https`, with a host, without a name and password.
struct HTTPURL: Hashable, Sendable {
    private let url: URL

    /// - Throws: `INVALID_URL`.
    init(_ text: String) throws(SmartVMError) {
        guard let url = URL(string: text, encodingInvalidCharacters: false) else {
            throw Self.invalid(text, "it is not a URL")
        }
        try self.init(url, text)
    }

    private init(_ url: URL, _ text: String) throws(SmartVMError) {
        guard let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https" else {
            throw Self.invalid(text, "only http and https are fetched from")
        }
        guard let host = url.host(percentEncoded: true), !host.isEmpty else {
            throw Self.invalid(text, "it names no host")
        }
        // It would stand in messages and manifests.
        guard url.user(percentEncoded: true) == nil, url.password(percentEncoded: true) == nil else {
            throw Self.invalid("with a password", "a name and password in a URL would be written down with it")
        }
        guard Self.hasUsablePort(url) else { throw Self.invalid(text, "its port is not from 1 to 65535") }
        self.url = url
    }

    /// Whether there is no port, or one that can be connected to. Digits that are too many are no port to `URL`, but they are there.
    static func hasUsablePort(_ url: URL) -> Bool {
        if let port = url.port { return (1...65535).contains(port) }
        let authority = url.absoluteString.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
            .dropFirst(2)
        let place = authority.first.map { $0.prefix { $0 != "/" && $0 != "?" && $0 != "#" } } ?? ""
        return place.last == "]" || !place.contains(":") || place.hasPrefix("[") && !place.contains("]:")
    }

    private static func invalid(_ text: String, _ why: String) -> SmartVMError {
        SmartVMError(
            .invalidURL, "The URL \(text) cannot be used: \(why).", cure: "Give one like https://example.com/vmlinux.")
    }

    var isSecure: Bool { url.scheme?.lowercased() == "https" }
    var host: String { url.host(percentEncoded: false) ?? "" }
    /// The last part of the path, for messages; may be empty.
    var lastPathComponent: String { url.lastPathComponent }
    var text: String { url.absoluteString }

    /// Where a `Location` of an answer from here leads.
    ///
    /// - Throws: `INVALID_URL`; also for a way from https to http, where others could read and change what is fetched.
    func following(_ location: String) throws(SmartVMError) -> HTTPURL {
        guard let target = URL(string: location, relativeTo: url)?.absoluteURL else {
            throw Self.invalid(location, "it is not a URL")
        }
        let next = try HTTPURL(target, location)
        if isSecure, !next.isSecure {
            throw Self.invalid(location, "\(text) redirects there, from https to http")
        }
        return next
    }

    /// The same with further parts of the path. They are names, not paths: what has a meaning in URLs is encoded.
    func appending(path: String) throws(SmartVMError) -> HTTPURL {
        let base = text.hasSuffix("/") ? String(text.dropLast()) : text
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map { Self.encoded($0) }
        return try HTTPURL(([base] + parts).joined(separator: "/"))
    }

    /// The same with a query.
    func appending(query: [(String, String)]) throws(SmartVMError) -> HTTPURL {
        let pairs = query.map { "\(Self.encoded($0.0))=\(Self.encoded($0.1))" }
        return try HTTPURL("\(text)?\(pairs.joined(separator: "&"))")
    }

    /// RFC 3986: all but its unreserved characters as %XX.
    private static func encoded(_ text: some StringProtocol) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension HTTPURL: CustomStringConvertible {
    var description: String { text }
}
