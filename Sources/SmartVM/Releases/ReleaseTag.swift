internal import FirecrackerClient

/// A release's tag, which is part of addresses and paths: `v1.16.1` and nothing else.
struct ReleaseTag: Hashable, Sendable {
    let version: NumericVersion

    /// Reads `v1.16.1` or `1.16.1`.
    ///
    /// - Throws: `INVALID_FIRECRACKER_VERSION`.
    init(_ text: String) throws(SmartVMError) {
        guard let version = NumericVersion(text.hasPrefix("v") ? text.dropFirst() : text[...], parts: 3...3) else {
            throw SmartVMError(
                .invalidFirecrackerVersion, "'\(text)' is no version of Firecracker.", cure: "Give one like v1.16.1.")
        }
        self.version = version
    }
}

extension ReleaseTag: Comparable {
    static func < (one: Self, other: Self) -> Bool { one.version < other.version }
}

extension ReleaseTag: CustomStringConvertible {
    var description: String { "v\(version)" }
}
