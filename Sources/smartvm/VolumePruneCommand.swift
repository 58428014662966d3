import ArgumentParser
import SmartVM

/// `smartvm volume prune`.
struct VolumePruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove the volumes that no VM is made with.",
        discussion: """
            EXAMPLES:
              smartvm volume prune --force
            """)

    @OptionGroup var confirmation: Confirmation

    func run() async throws {
        guard try confirmation.isGiven(for: "This removes all volumes that no VM is made with.") else { return }
        let removed = try await SmartVM().sandboxes.pruneVolumes()
        for volume in removed { print(volume.name) }
        print("Freed: \(ByteSize(removed.reduce(0) { $0 + $1.allocated }))")
    }
}
