internal import Linux

/// The virtio devices that the guest has.
enum VirtioDevices {
    /// virtio-mem: memory that comes and goes.
    static let memory = 24

    private static let directory = "/sys/bus/virtio/devices"

    /// Their types, by Virtio's numbers; none while the bus has no driver.
    static func types() -> Set<Int> {
        var types: Set<Int> = []
        for name in (try? FileTree.names(at: directory)) ?? [] {
            guard let bytes = try? File.read("\(directory)/\(name)/device", limit: 64),
                let type = number(bytes)
            else { continue }
            types.insert(type)
        }
        return types
    }

    /// Of a line such as `0x001b`.
    static func number(_ line: [UInt8]) -> Int? {
        let text = line.prefix { $0 > 0x20 }
        guard text.starts(with: "0x".utf8) else { return nil }
        return Int(String(decoding: text.dropFirst(2), as: UTF8.self), radix: 16)
    }

    /// Lets programs have memory that is plugged, and keeps the kernel's own data out of it, which could not be unplugged. A kernel
    /// that was told something else keeps to that.
    static func useMemoryWhenPlugged(commandLine: String) {
        let parameter = "memhp_default_state="
        guard !commandLine.utf8.split(separator: 0x20).contains(where: { $0.starts(with: parameter.utf8) }) else {
            return
        }
        try? File.write(Array("online_movable".utf8), to: "/sys/devices/system/memory/auto_online_blocks")
    }
}
