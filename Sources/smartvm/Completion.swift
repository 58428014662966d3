import ArgumentParser
import SmartVM

// What a shell offers for an argument. Names are looked up when they are asked for; a data directory that cannot be read offers nothing.
extension CompletionKind {
    /// The names of all VMs that stay.
    static let sandboxes = CompletionKind.custom { _, _, _ in
        guard let names = try? await SmartVM().sandboxes.names() else { return [] }
        return harmless(names)
    }

    /// The names of all networks.
    static let networks = CompletionKind.custom { _, _, _ in
        guard let networks = try? await SmartVM().sandboxes.listNetworks() else { return [] }
        return harmless(networks.map(\.name))
    }

    /// The names of all volumes.
    static let volumes = CompletionKind.custom { _, _, _ in
        guard let volumes = try? await SmartVM().sandboxes.volumes() else { return [] }
        return harmless(volumes.map(\.name))
    }

    /// The names of the images that are there.
    static let images = CompletionKind.custom { _, _, _ in
        guard let directory = try? DataDirectory(), let bundles = try? BaseImageManager(directory).list() else {
            return []
        }
        return harmless(bundles.map(\.bundleId))
    }

    /// Those of which a shell takes every character for itself alone.
    static func harmless(_ names: [String]) -> [String] {
        names.filter { name in
            !name.isEmpty && !name.hasPrefix("-")
                && name.unicodeScalars.allSatisfy {
                    ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
                        || "._-/".unicodeScalars.contains($0)
                }
        }
    }
}
