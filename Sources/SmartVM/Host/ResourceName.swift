/// The names that users give to what is kept: networks, volumes.
enum ResourceName {
    /// Whether it is 1 to 63 letters, digits, dots, dashes and underscores, a letter or digit first: no path, no option, nothing hidden.
    static func isWellFormed(_ name: String) -> Bool {
        (1...63).contains(name.utf8.count)
            && name.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): index > 0
                default: false
                }
            }
    }
}
