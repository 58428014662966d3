/// The name of an instance: 1 to 64 letters, digits and hyphens.
enum InstanceID {
    static let lengths = 1...64

    /// What is wrong with an id, as Rust's `Debug` shows it.
    static func problem(with id: String) -> String? {
        guard lengths.contains(id.utf8.count) else {
            return "InvalidLen(\(id.utf8.count), \(lengths.lowerBound), \(lengths.upperBound))"
        }
        for (position, scalar) in id.unicodeScalars.enumerated()
        where !(scalar == "-" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil) {
            return "InvalidChar('\(scalar)', \(position))"
        }
        return nil
    }
}
