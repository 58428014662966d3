/// What a command that has ended in a guest left.
public struct GuestCommandResult: Hashable, Sendable {
    /// How it has ended.
    public internal(set) var ending = GuestCommandEnding.exited(0)
    /// What it wrote to its standard output.
    public internal(set) var standardOutputBytes: [UInt8] = []
    /// What it wrote to its standard error; empty if it ran in a terminal.
    public internal(set) var standardErrorBytes: [UInt8] = []

    /// 128 + n for signal n.
    public var exitStatus: Int32 { ending.shellStatus }
    /// As text; bytes that are no UTF-8 become U+FFFD.
    public var standardOutput: String { String(decoding: standardOutputBytes, as: UTF8.self) }
    /// As text; bytes that are no UTF-8 become U+FFFD.
    public var standardError: String { String(decoding: standardErrorBytes, as: UTF8.self) }
}
