import Glibc

/// Columns of text, two blanks apart, each as wide as its widest cell. If the whole is wider than it may be, some become narrower, and if
/// that is not enough, some are left out.
struct TextTable {
    struct Column: ExpressibleByStringLiteral {
        var name: String
        /// How narrow it may become; nil: not at all.
        var minimum: Int?
        /// Whether it may be left out.
        var isOptional: Bool

        init(_ name: String, minimum: Int? = nil, isOptional: Bool = false) {
            self.name = name
            self.minimum = minimum
            self.isOptional = isOptional
        }

        init(stringLiteral name: String) {
            self.init(name)
        }
    }

    private static let gap = 2

    private var columns: [Column]
    private var rows: [[String]]

    init(_ columns: [Column]) {
        self.columns = columns
        rows = [columns.map(\.name)]
    }

    mutating func add(_ row: [String]) {
        rows.append(row)
    }

    /// All of every cell.
    var text: String { lines(width: nil).joined(separator: "\n") }

    /// - Parameter width: What a line may have at most, as far as the columns allow that; nil: no limit.
    func lines(width: Int?) -> [String] {
        var table = self
        let least = { (column: Int) in table.natural(column, atMost: table.columns[column].minimum) }
        // The last of those that can go, goes first.
        while let width, table.columns.indices.map(least).reduce(0, +) + table.gaps > width,
            let last = table.columns.lastIndex(where: \.isOptional)
        {
            table.columns.remove(at: last)
            for row in table.rows.indices { table.rows[row].remove(at: last) }
        }
        let widths = table.widths(fitting: width)
        return table.rows.map { row in
            row.enumerated().map { column, cell in
                let cell = cell.shortened(to: widths[column])
                return column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined(separator: String(repeating: " ", count: Self.gap))
        }
    }

    private var gaps: Int { Self.gap * (columns.count - 1) }

    /// What a column's cells need.
    private func natural(_ column: Int, atMost limit: Int? = nil) -> Int {
        min(limit ?? .max, rows.map { $0[column].count }.max() ?? 0)
    }

    private func widths(fitting width: Int?) -> [Int] {
        var widths = columns.indices.map { natural($0) }
        guard let width else { return widths }
        var excess = widths.reduce(0, +) + gaps - width
        // The widest gives way first.
        while excess > 0 {
            let shrinkable = columns.indices.filter { widths[$0] > columns[$0].minimum ?? .max }
            guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }
}

/// How wide and high a table on standard output may be.
enum TerminalSize {
    /// Columns of the terminal; 80 if it is none.
    static var columns: Int { size.map { Int($0.ws_col) } ?? 80 }

    /// Rows of the terminal; nil if it is none.
    static var rows: Int? { size.map { Int($0.ws_row) } }

    private static var size: winsize? {
        var size = winsize()
        guard isatty(1) == 1, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return size
    }
}

extension String {
    /// Itself, or its beginning and an ellipsis.
    func shortened(to length: Int) -> String {
        count <= length ? self : prefix(max(0, length - 1)) + "…"
    }

    /// Without what a terminal would obey.
    var printable: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.value < 32 || (127..<160).contains($0.value) ? " " : $0 }))
    }
}
