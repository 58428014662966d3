/// One line of a bench's report.
struct BenchFigure: Sendable {
    /// For programs.
    var name: String
    /// For people.
    var text: String
    var value: Double
    var unit: String

    init(_ name: String, _ text: String, _ value: Double, _ unit: String) {
        self.name = name
        self.text = text
        self.value = value
        self.unit = unit
    }

    /// With two decimals.
    private var rounded: String {
        let hundredths = Int((abs(value) * 100).rounded())
        let cents = hundredths % 100
        return "\(value < 0 ? "-" : "")\(hundredths / 100).\(cents < 10 ? "0" : "")\(cents)"
    }

    static func print(_ figures: [BenchFigure], as format: OutputFormat) {
        switch format {
        case .table:
            let width = (figures.map { $0.text.count + $0.rounded.count }.max() ?? 0) + 3
            for figure in figures {
                let gap = String(repeating: " ", count: width - figure.text.count - figure.rounded.count)
                Swift.print("\(figure.text)\(gap)\(figure.rounded) \(figure.unit)")
            }
        case .json:
            Swift.print("{" + figures.map { "\"\($0.name)\":\($0.rounded)" }.joined(separator: ",") + "}")
        }
    }
}

extension Duration {
    var milliseconds: Double {
        Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
    }
}
