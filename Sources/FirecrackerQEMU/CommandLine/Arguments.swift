/// The command line: Firecracker's own options, and this program's under the prefix `--qemu-`.
///
/// Options are written `--name value` or `--name`; there is no other form. What follows a bare `--` is passed over.
struct Arguments: Equatable {
    struct Option {
        var name: String
        /// Whether a value follows.
        var takesValue = false
        var defaultValue: String?
        /// Another option that must be there too.
        var requirement: String?
        /// Another option that must not be there.
        var exclusion: String?
        var help: String
    }

    /// Why a command line cannot be understood.
    enum Fault: Error, Equatable {
        case unexpected(String)
        case missingValue(String)
        case duplicate(String)
        case missing(String)
        case excluded(String, String)

        var sentence: String {
            switch self {
            case .unexpected(let name):
                "Found argument '\(name)' which wasn't expected, or isn't valid in this context."
            case .missingValue(let name): "The argument '\(name)' requires a value, but none was supplied."
            case .duplicate(let name): "The argument '\(name)' was provided more than once."
            case .missing(let name): "Argument '\(name)' required, but not found."
            case .excluded(let name, let other): "Argument '\(name)' cannot be used together with argument '\(other)'."
            }
        }

        /// As Rust's `Debug` shows it.
        var debugText: String {
            switch self {
            case .unexpected(let name): "UnexpectedArgument(\"\(name)\")"
            case .missingValue(let name): "MissingValue(\"\(name)\")"
            case .duplicate(let name): "DuplicateArgument(\"\(name)\")"
            case .missing(let name): "MissingArgument(\"\(name)\")"
            case .excluded(let name, let other): "ForbiddenArgument(\"\(name)\", \"\(other)\")"
            }
        }
    }

    private var values: [String: String] = [:]

    /// - Parameter words: Without the program's name.
    init(_ words: [String]) throws(Fault) {
        let words = words.prefix { $0 != "--" }
        // These two win over everything that may be wrong beside them.
        for (name, spellings) in [("help", ["--help", "-h"]), ("version", ["--version"])]
        where words.contains(where: spellings.contains) {
            values[name] = ""
            return
        }
        var index = words.startIndex
        while index < words.endIndex {
            let word = words[index]
            index += 1
            guard word.hasPrefix("--") else { throw .unexpected(word) }
            let name = String(word.dropFirst(2))
            guard let option = Self.options.first(where: { $0.name == name }) else { throw .unexpected(name) }
            if values[name] != nil { throw .duplicate(name) }
            guard option.takesValue else {
                values[name] = ""
                continue
            }
            guard index < words.endIndex, !words[index].hasPrefix("--") else { throw .missingValue(name) }
            values[name] = words[index]
            index += 1
        }
        for option in Self.options where values[option.name] != nil {
            if let other = option.requirement, values[other] == nil { throw .missing(other) }
            if let other = option.exclusion, values[other] != nil { throw .excluded(option.name, other) }
        }
    }

    /// Whether an option was given.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// The value of an option, or its default.
    subscript(name: String) -> String? {
        values[name] ?? Self.options.first { $0.name == name }?.defaultValue
    }
}
