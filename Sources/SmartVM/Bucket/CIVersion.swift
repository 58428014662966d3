/// A directory of what Firecracker's CI publishes: of a release (`v1.10`), or of a day (`20251218-f2f293f67e5f-0`), which are the newer
/// ones.
struct CIVersion: Hashable, Sendable {
    /// As the directory is called.
    let name: String
    private let order: NumericVersion
    let isOfDay: Bool

    /// - Parameter name: Nil is returned for whatever else lies beside them.
    init?(_ name: some StringProtocol) {
        if name.hasPrefix("v"), let version = NumericVersion(name.dropFirst(), parts: 2...3) {
            (order, isOfDay) = (version, false)
        } else {
            let parts = name.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].utf8.count == 8, !parts[1].isEmpty,
                parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) }),
                let version = NumericVersion("\(parts[0]).\(parts[2])", parts: 2...2)
            else { return nil }
            (order, isOfDay) = (version, true)
        }
        self.name = String(name)
    }

    /// The first release of Firecracker that its files are tested with; nil for those of a day.
    var firecrackerVersion: String? {
        guard !isOfDay, order.components.count == 2 else { return isOfDay ? nil : name }
        return "\(name).0"
    }
}

extension CIVersion: Comparable {
    static func < (one: Self, other: Self) -> Bool {
        one.isOfDay == other.isOfDay ? one.order < other.order : other.isOfDay
    }
}
