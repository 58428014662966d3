internal import FirecrackerAPI

extension QEMUMachine {
    /// Whether the guest's driver has taken the balloon over. A QEMU that cannot say (before 7.2) counts as a yes.
    var isBalloonActive: Bool {
        guard
            let answer = try? runCommand(
                "x-query-virtio-status", .object(JSONObject(path: balloonBackend))),
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
