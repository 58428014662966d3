/// Which of the images that SmartVM can make by itself is meant.
public struct BaseImagePreset: RawRepresentable, Hashable, Sendable, Codable {
    public var rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Debian's cloud kernel and a root file system of busybox, made on this machine of Debian's packages.
    public static let minimal = BaseImagePreset(rawValue: "minimal")

    /// All that can be made.
    public static let all: [BaseImagePreset] = [.minimal]
}
