internal import FirecrackerAPI
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
