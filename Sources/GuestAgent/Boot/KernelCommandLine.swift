/// What the kernel's command line says to the agent.
///
/// | parameter | meaning | default |
/// |---|---|---|
/// | `smartvm.root=/dev/vda` | the device of the root file system | `root=` if it is a device's path or a `PARTUUID=`, else /dev/vda if there is one, else the initramfs itself is the root |
/// | `smartvm.rootfstype=ext4` | its type | recognised by its superblock |
/// | `smartvm.overlay=tmpfs` or `/dev/vdX` or `none` | where writes go: to memory, to an ext4 file system on a device, or to the root device itself | `tmpfs` |
struct KernelCommandLine: Equatable {
    enum Overlay: Equatable {
        case memory
        case device(String)
        case none
    }

    var root: String?
    /// The UUID of the partition that is the root, if no path is given.
    var rootPartition: String?
    var rootType: String?
    var overlay = Overlay.memory

    /// - Parameter text: What /proc/cmdline holds. The last one of equal parameters counts.
    init(_ text: String) {
        var plainRoot: String?
        for word in Self.words(text) {
            guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = String(word[word.utf8.index(after: equals)...])
            if value.isEmpty { continue }
            switch String(word[..<equals]) {
            case "smartvm.root": root = value
            case "smartvm.rootfstype": rootType = value
            case "smartvm.overlay":
                overlay = value == "tmpfs" ? .memory : value == "none" ? .none : .device(value)
            case "root":
                let prefix = "PARTUUID="
                if value.utf8.starts(with: "/dev/".utf8) { plainRoot = value }
                if value.utf8.starts(with: prefix.utf8) {
                    rootPartition = String(value.utf8.dropFirst(prefix.utf8.count))
                }
            default: break
            }
        }
        if root == nil { root = plainRoot }
        if root != nil { rootPartition = nil }
    }

    /// The words between blanks. Double quotes hold blanks together and are left out, as the kernel does it.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var isQuoted = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""):
                isQuoted.toggle()
            case UInt8(ascii: " ") where !isQuoted, UInt8(ascii: "\t") where !isQuoted,
                UInt8(ascii: "\n") where !isQuoted:
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            default: word.append(byte)
            }
        }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }
}
