/// Gives out session tokens of the metadata service, and knows its own again.
///
/// A token says when it ends and carries a proof that only this process can make, so that nothing has to be kept for it,
/// however many a guest asks for. The keys are made anew in every process: tokens do not outlive it, nor a snapshot's load.
struct TokenAuthority {
    /// Seconds that a token may live.
    static let lifetimes: ClosedRange<UInt32> = 1...21600

    /// The longest text that is looked at.
    private static let maximumLength = 70

    private let proofs: (SipHash, SipHash)
    private var nextNonce: UInt64

    init(using generator: inout some RandomNumberGenerator) {
        func key() -> (UInt64, UInt64) { (generator.next(), generator.next()) }
        proofs = (SipHash(key: key()), SipHash(key: key()))
        nextNonce = generator.next()
    }

    init() {
        var generator = SystemRandomNumberGenerator()
        self.init(using: &generator)
    }

    /// A new token.
    ///
    /// - Parameters:
    ///   - lifetime: In seconds, one of ``lifetimes``.
    ///   - now: Nanoseconds of a clock that never goes back.
    mutating func issue(lifetime: UInt32, now: UInt64) -> String {
        let end = now &+ UInt64(lifetime) * 1_000_000_000
        nextNonce &+= 1
        let content = Self.bytes(end) + Self.bytes(nextNonce)
        return Base64.text(of: content + proof(of: content))
    }

    /// Whether a token is one of this process's and still lives.
    func accepts(_ token: String, now: UInt64) -> Bool {
        guard token.utf8.count <= Self.maximumLength, let bytes = Base64.bytes(of: token), bytes.count == 32 else {
            return false
        }
        let content = Array(bytes[..<16])
        var difference: UInt8 = 0
        // All of them, so that the time it takes does not tell where they differ.
        for (own, given) in zip(proof(of: content), bytes[16...]) { difference |= own ^ given }
        return difference == 0 && now < Self.integer(content[..<8])
    }

    private func proof(of content: [UInt8]) -> [UInt8] {
        Self.bytes(proofs.0.hash(content)) + Self.bytes(proofs.1.hash(content))
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
