internal import FirecrackerAPI

extension QEMUMachine {
    var isBalloonActive: Bool { isActive("balloon0") }

    /// Whether the guest's driver has taken a device over. A QEMU that cannot say (before 7.2) counts as a yes.
    func isActive(_ device: String) -> Bool {
        guard
            let answer = try? runCommand(
                "x-query-virtio-status", .object(JSONObject(path: "/machine/peripheral/\(device)"))),
            case .object(let device) = answer, case .object(let status) = device["status"],
            case .array(let statuses) = status["statuses"]
        else { return true }
        return statuses.contains { if case .string(let text) = $0 { text.contains("DRIVER_OK") } else { false } }
    }
}

extension JSONObject {
    fileprivate init(path: String) {
        self.init()
        self["path"] = .string(path)
    }
}
