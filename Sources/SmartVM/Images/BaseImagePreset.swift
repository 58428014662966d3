/// Which image is meant, of those that SmartVM makes or fetches by itself.
public struct BaseImagePreset: RawRepresentable, Hashable, Sendable, Codable {
    /// As it stands in manifests and on command lines.
    public var rawValue: String

    /// Any name; which ones are known is said where one is used.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Debian's cloud kernel and a root file system of busybox, made on this machine of Debian's packages.
    public static let minimal = BaseImagePreset(rawValue: "minimal")
    /// The newest kernel and root file system that Firecracker's CI has published.
    public static let latest = BaseImagePreset(rawValue: "latest")
    /// Those of version v1.7 of Firecracker's CI, which do not change any more.
    public static let lts = BaseImagePreset(rawValue: "lts")
    /// What a manifest describes, wherever it lies: see ``BaseImageHostedManifest``.
    public static let hosted = BaseImagePreset(rawValue: "hosted")

    /// All that can be had by name alone.
    public static let all: [BaseImagePreset] = [.minimal, .latest, .lts]
    /// Those that are fetched from Firecracker's CI.
    static let ofCI: [BaseImagePreset] = [.latest, .lts]
}
