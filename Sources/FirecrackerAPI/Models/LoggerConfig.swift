/// The log: the body of `PUT /logger`.
public struct LoggerConfig: WireModel {
    /// A file or FIFO; nil: as before.
    public var logPath: String?
    /// Nil counts as ``LogLevel/info``.
    public var level: LogLevel?
    /// Whether lines name their level.
    public var showLevel: Bool?
    /// Whether lines name file and line.
    public var showLogOrigin: Bool?
    /// Only lines of modules whose path begins so.
    public var module: String?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        logPath: String? = nil, level: LogLevel? = nil, showLevel: Bool? = nil, showLogOrigin: Bool? = nil,
        module: String? = nil
    ) {
        self.logPath = logPath
        self.level = level
        self.showLevel = showLevel
        self.showLogOrigin = showLogOrigin
        self.module = module
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "LoggerConfig", initial: LoggerConfig(),
        [
            .optional("log_path", \.logPath, .path),
            .optional("level", \.level),
            .optional("show_level", \.showLevel),
            .optional("show_log_origin", \.showLogOrigin),
            .optional("module", \.module),
        ])
}

/// How much is logged.
public enum LogLevel: String, Sendable, Hashable, CaseIterable {
    /// Nothing.
    case off = "Off"
    /// All there is.
    case trace = "Trace"
    /// What helps to find faults.
    case debug = "Debug"
    /// What happens.
    case info = "Info"
    /// What may be wrong.
    case warn = "Warn"
    /// What is wrong.
    case error = "Error"

    /// The level of that name in any case; `Warning` is another name of `Warn`.
    public init?(name: String) {
        let name = name.lowercased()
        guard
            let level = Self.allCases.first(where: { $0.rawValue.lowercased() == (name == "warning" ? "warn" : name) })
        else { return nil }
        self = level
    }
}

extension LogLevel: WireValue {
    /// Firecracker takes a level in any case.
    public static let codec = Codec<LogLevel>(
        decode: { (reader) throws(JSONFault) in
            guard let level = LogLevel(name: try reader.readString()) else { throw JSONFault("Invalid LevelFilter") }
            return level
        }, encode: { $1.string($0.rawValue) })
}
