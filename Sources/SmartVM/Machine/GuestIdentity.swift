internal import GuestProtocol
internal import Linux

/// What tells one guest from all others that have come from the same image or snapshot.
struct GuestIdentity: Sendable {
    let hostname: String
    /// The same for as long as the VM lives: a guest that asks again is still the same guest.
    let machineID = randomHexadecimal(bytes: 16)

    /// What the guest is told, as of now: time goes on, and no entropy is given out twice.
    var current: Configuration {
        Configuration(
            hostname: hostname, machineID: machineID, wallClockNanoseconds: Clock.realtimeNanoseconds,
            entropySeed: Self.randomBytes(64))
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    static func randomHexadecimal(bytes: Int) -> String {
        randomBytes(bytes).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
