internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// The files that the command line names. One that cannot be read ends the process.
struct InputFiles {
    var configuration: [UInt8]?
    private var metadata: [UInt8]?

    init(_ arguments: Arguments, log: Log) {
        configuration = Self.read(arguments["config-file"], "configuration", log)
        metadata = Self.read(arguments["metadata"], "mmds content", log)
    }

    /// The metadata, which must be JSON.
    func parsedMetadata(log: Log) -> JSONValue? {
        guard let metadata else { return nil }
        do throws(JSONFault) {
            let value = try JSONValue(decoding: metadata)
            log.log(.info, "Successfully added metadata to mmds from file", module: .vmm)
            return value
        } catch {
            panic(
                "MMDS error: metadata provided not valid json: Error(\(RustText.quoted(error.message)), "
                    + "line: \(error.line), column: \(error.column))", log: log)
        }
    }

    private static func read(_ path: String?, _ what: String, _ log: Log) -> [UInt8]? {
        guard let path else { return nil }
        do throws(Errno) {
            let bytes = try File.read(path)
            if String(validating: bytes, as: UTF8.self) == nil {
                let reason = "Error { kind: InvalidData, message: \"stream did not contain valid UTF-8\" }"
                panic("Unable to open or read from the \(what) file: \(reason)", log: log)
            }
            return bytes
        } catch {
            panic("Unable to open or read from the \(what) file: \(error.debugText)", log: log)
        }
    }
}

/// Ends the process by SIGABRT, as what is a panic in Firecracker does, after one line in the log.
func panic(_ sentence: String, log: Log, file: String = #fileID, line: Int = #line) -> Never {
    log.log(.error, "Firecracker panicked at \(file):\(line):\n\(sentence)")
    abort()
}

/// The process's standard error.
enum StandardError {
    static func print(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        // Nobody can be told that this fails.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

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
