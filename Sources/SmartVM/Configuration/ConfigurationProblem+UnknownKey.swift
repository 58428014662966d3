extension ConfigurationProblem {
    /// A key that no object of its kind has, with the one that was probably meant.
    static func unknownKey(_ name: String, of path: ConfigurationPath, known: [String]) -> Self {
        let shown = name.unicodeScalars.map { $0.properties.isPatternWhitespace || $0.value < 0x20 ? "?" : String($0) }
        let place = path.key(shown.joined())
        if let nearest = nearest(to: name, in: known) {
            return Self(path: place, text: "is not a known key; did you mean \(nearest)?")
        }
        return Self(path: place, text: "is not a known key; the known ones are \(known.joined(separator: ", "))")
    }

    /// The known name that differs least, if the difference looks like a slip, like Firecracker's own spelling, or like a name that
    /// was not remembered to its end.
    private static func nearest(to name: String, in known: [String]) -> String? {
        let plain = plainForm(name)
        let distances = known.map { (name: $0, distance: distance(plain, plainForm($0))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        if best.distance <= max(1, plain.count / 3) { return best.name }
        return known.first { known in
            let common = zip(plain, plainForm(known)).prefix { $0 == $1 }.count
            return common >= 3 && common * 3 >= plain.count * 2
        }
    }

    /// `vcpu_count`, `vcpu-count` and `vcpuCount` are one name here.
    private static func plainForm(_ name: String) -> [UInt8] {
        name.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }.prefix(64).map { $0 }
    }

    /// How many bytes must be put in, taken out or changed to make one of the other (Levenshtein).
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (line, byte) in one.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, otherByte) in other.enumerated() {
                let changed = diagonal + (byte == otherByte ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(changed, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[other.count]
    }
}
