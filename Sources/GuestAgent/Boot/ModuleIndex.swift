/// The file `modules.dep` that depmod(8) writes: which module needs which.
///
/// It is searched, not parsed into a table: a whole distribution's has thousands of lines, of which a guest needs a dozen.
struct ModuleIndex {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The files to load for a module, in the order in which they must be: those that it needs, then its own. nil: there is no such
    /// module. Names differ in `-` and `_` at will.
    func files(for name: String) -> [String]? {
        let wanted = Self.normalised(Array(name.utf8)[...])
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            guard Self.matches(Self.baseName(line[..<colon]), wanted) else { continue }
            // depmod lists all that is needed, in the order of unloading.
            let needed = line[(colon + 1)...].split(separator: UInt8(ascii: " ")).reversed()
            return needed.map { String(decoding: $0, as: UTF8.self) } + [
                String(decoding: line[..<colon], as: UTF8.self)
            ]
        }
        return nil
    }

    /// The name of the module that a file holds.
    static func moduleName(ofFile path: String) -> String {
        String(decoding: normalised(baseName(Array(path.utf8)[...])), as: UTF8.self)
    }

    /// The part after the last slash and before the first dot.
    private static func baseName(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex
        return path[start...].prefix { $0 != UInt8(ascii: ".") }
    }

    private static func normalised(_ name: ArraySlice<UInt8>) -> [UInt8] {
        name.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    private static func matches(_ name: ArraySlice<UInt8>, _ wanted: [UInt8]) -> Bool {
        guard name.count == wanted.count else { return false }
        for (a, b) in zip(name, wanted) where a != b && !(a == UInt8(ascii: "-") && b == UInt8(ascii: "_")) {
            return false
        }
        return true
    }
}

/// The files in /etc/modules-load.d: modules-load.d(5).
enum ModuleList {
    /// The type of virtio device that a file is for, by its name: `…-virtio-<type>.conf`.
    static func virtioType(ofFile name: String) -> Int? {
        let words = name.utf8.prefix { $0 != UInt8(ascii: ".") }.split(separator: UInt8(ascii: "-"))
        guard words.count >= 2, words[words.count - 2].elementsEqual("virtio".utf8), let number = words.last else {
            return nil
        }
        return Int(String(decoding: number, as: UTF8.self))
    }

    /// The names in one file: one a line; lines that begin with `#` or `;` are comments.
    static func names(_ text: [UInt8]) -> [String] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let word = line.drop { $0 == 0x20 || $0 == 0x09 }.prefix { $0 > 0x20 }
            guard let first = word.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { return nil }
            return String(decoding: word, as: UTF8.self)
        }
    }
}
