/// What a guest, or a VMM that a guest may have taken over, says in words: written down and shown on terminals, but not as it comes.
enum GuestWords {
    /// Of a message of the agent's to its supervisor, in bytes: none of the real ones comes near it.
    static let maximumMessage = 64 << 10
    /// In characters.
    private static let maximumLength = 4000

    /// So much of a text as is worth keeping, without what would move a terminal's cursor or begin a line that nobody wrote.
    ///
    /// - Parameter keepsLines: Of a text that was put together here, from words that have been made good already.
    static func shown(_ text: String, keepsLines: Bool = false) -> String {
        let kept = String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(maximumLength).map { scalar in
                    switch scalar.value {
                    case 0x0a where keepsLines: scalar
                    case 0..<0x20, 0x7f..<0xa0, 0x2028...0x202e, 0x2066...0x2069: "\u{fffd}"
                    default: scalar
                    }
                }))
        return text.unicodeScalars.count > maximumLength ? "\(kept)\u{2026}" : kept
    }
}
