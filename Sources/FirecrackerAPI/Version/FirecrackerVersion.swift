/// A release of Firecracker. Fields and endpoints came with it, and some releases have problems worth knowing.
public struct FirecrackerVersion: Hashable, Sendable {
    /// Changes when a client may break.
    public var major: Int
    /// Changes with new fields and endpoints.
    public var minor: Int
    /// Changes with mended faults.
    public var patch: Int

    /// The release of these numbers.
    public init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// Reads `1.16.1`, `v1.16.1`, or `1.16`, whose patch is 0. A build's suffix (`1.17.0-dev`) is passed over.
    public init?(_ text: String) {
        let number = text.hasPrefix("v") || text.hasPrefix("V") ? text.dropFirst() : text[...]
        let release = number.prefix { $0 != "-" && $0 != "+" }
        let parts = release.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count) else { return nil }
        var numbers = [0, 0, 0]
        for (index, part) in parts.enumerated() {
            guard (1...6).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let value = Int(part)
            else { return nil }
            numbers[index] = value
        }
        self.init(numbers[0], numbers[1], numbers[2])
    }

    /// Finds the version in what `firecracker --version` prints: `Firecracker v1.16.1` on a line of its own.
    public init?(programOutput: String) {
        for line in programOutput.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            guard words.count == 2, words[0] == "Firecracker", let version = Self(String(words[1])) else { continue }
            self = version
            return
        }
        return nil
    }

    /// The release whose API the models of this module describe.
    public static let described = Self(1, 16, 1)
    /// The oldest release that SmartVM can drive: the first with the entropy device, which every VM gets.
    public static let oldest = Self(1, 4, 0)
}

extension FirecrackerVersion: Comparable {
    /// Whether one came before the other: by the numbers, not by their text.
    public static func < (one: Self, other: Self) -> Bool {
        (one.major, one.minor, one.patch) < (other.major, other.minor, other.patch)
    }
}

extension FirecrackerVersion: CustomStringConvertible {
    /// `1.16.1`.
    public var description: String { "\(major).\(minor).\(patch)" }
}

extension FirecrackerVersion {
    /// What is known to be broken in this release, a sentence each.
    public var knownProblems: [String] {
        Self.problems.filter { $0.releases.contains(self) }.map { "Firecracker \(self) \($0.sentence)" }
    }

    private static let problems: [(releases: Range<FirecrackerVersion>, sentence: String)] = [
        (
            Self(1, 16, 0)..<Self(1, 16, 1),
            "breaks vsock after a snapshot is restored: connections that the guest makes can time out. 1.16.1 does not."
        ),
        (
            Self(1, 16, 0)..<Self(1, 17, 0),
            "breaks vsock after pause and resume without a snapshot: connections that the host makes hang. "
                + "1.15.1 does not."
        ),
        (
            Self(1, 16, 0)..<Self(1, 16, 1),
            "has a jailer that refuses symbolic links in the paths of cgroups and network namespaces. 1.16.1 does not."
        ),
        (
            Self(1, 14, 0)..<Self(1, 14, 2),
            "corrupts the memory files of diff snapshots of VMs with more than 3 GiB or with memory hotplug. "
                + "1.14.2 does not."
        ),
        (
            Self(1, 15, 0)..<Self(1, 15, 1),
            "can leave memory that was plugged in unusable, and memory that was unplugged usable, to the guest. "
                + "1.15.1 does not."
        ),
        (
            Self(1, 14, 0)..<Self(1, 14, 4),
            "can leave memory that was plugged in unusable, and memory that was unplugged usable, to the guest. "
                + "1.14.4 does not."
        ),
    ]
}
