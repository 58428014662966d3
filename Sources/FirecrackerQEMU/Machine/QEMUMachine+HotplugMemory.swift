internal import FirecrackerAPI

extension QEMUMachine {
    /// In bytes.
    public struct HotplugMemoryStatus: Hashable, Sendable {
        /// What the guest has.
        public var plugged: UInt64
        /// What it is asked to have.
        public var requested: UInt64
    }

    private static let hotplugDevice = "/machine/peripheral/hotplug0"

    public func hotplugMemoryStatus() throws(MachineFault) -> HotplugMemoryStatus {
        HotplugMemoryStatus(
            plugged: try hotplugProperty("size"), requested: try hotplugProperty("requested-size"))
    }

    /// Asks the guest to have as many bytes of the memory that can be plugged, whole blocks.
    public func requestHotplugMemory(_ size: UInt64) throws(MachineFault) {
        try runCommand(
            "qom-set",
            .members([
                "path": .string(Self.hotplugDevice), "property": .string("requested-size"), "value": .unsigned(size),
            ]))
    }

    private func hotplugProperty(_ name: String) throws(MachineFault) -> UInt64 {
        let answer = try runCommand(
            "qom-get", .members(["path": .string(Self.hotplugDevice), "property": .string(name)]))
        guard let number = answer.unsigned else { throw MachineFault("QEMU does not tell the \(name) of its memory.") }
        return number
    }
}
