internal import FirecrackerAPI

/// What Firecracker's keyboard controller would hold of keys that the guest has not read.
///
/// QEMU's own holds more, and does not say how much. So the bytes are counted here, from 0 whenever the guest has read all of them.
struct KeyboardBuffer: Hashable {
    /// In bytes.
    static let capacity = 16
    /// Two keys of one byte, and one of two.
    static let ctrlAltDelSize = 4

    private(set) var count = 0

    /// Whether the keys fit, which count as pressed then.
    ///
    /// - Parameter isEmpty: Whether the controller has nothing for the guest.
    mutating func press(isEmpty: Bool) -> Bool {
        if isEmpty { count = 0 }
        guard Self.capacity - count >= Self.ctrlAltDelSize else { return false }
        count += Self.ctrlAltDelSize
        return true
    }
}

extension QEMUMachine {
    /// Presses Ctrl-Alt-Del on the guest's keyboard.
    public func sendCtrlAltDel() throws(MachineFault) {
        guard keyboard.press(isEmpty: try isKeyboardEmpty()) else {
            throw MachineFault("I8042 error: i8042 internal buffer full.")
        }
        let keys = ["ctrl", "alt", "delete"].map { JSONValue.members(["type": .string("qcode"), "data": .string($0)]) }
        try runCommand("send-key", .members(["keys": .array(keys)]))
    }

    /// Looks at the controller's status as the guest would, which changes nothing.
    private func isKeyboardEmpty() throws(MachineFault) -> Bool {
        let answer = try runCommand(
            "human-monitor-command", .members(["command-line": .string("i /b 0x64")])
        ).text
        return Self.isOutputEmpty(status: answer ?? "")
    }

    /// - Parameter status: For example `portb[0x0064] = 0x1c`. One that cannot be read counts as empty.
    static func isOutputEmpty(status: String) -> Bool {
        guard let digits = status.split(separator: "= 0x").last else { return true }
        let value = UInt8(digits.prefix { $0.isHexDigit }, radix: 16) ?? 0
        return value & 1 == 0
    }
}
