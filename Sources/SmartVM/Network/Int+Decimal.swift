extension Int {
    /// Reads at most five decimal digits, without a sign.
    init?(decimal text: String, in range: ClosedRange<Int>) {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text), range.contains(number)
        else { return nil }
        self = number
    }
}
