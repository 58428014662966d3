/// The header of a partial answer: `bytes 100-199/1000`.
struct ContentRange: Hashable, Sendable {
    var first: Int64
    /// Bytes of the whole; nil if the server does not say.
    var total: Int64?

    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int64(ends[0]), let last = Int64(ends[1]), first >= 0, last >= first else {
            return nil
        }
        let total = Int64(parts[1])
        guard parts[1] == "*" || total.map({ $0 > last }) ?? false else { return nil }
        (self.first, self.total) = (first, total)
    }
}
