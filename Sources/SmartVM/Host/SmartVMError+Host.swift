public import FirecrackerClient
internal import Linux

extension SmartVMError.Code {
    /// The data directory cannot be made or written.
    public static let dataDirectoryUnusable = Self(rawValue: "DATA_DIRECTORY_UNUSABLE")
    /// The file system is full.
    public static let noSpace = Self(rawValue: "NO_SPACE")
    /// A program that is needed is not installed.
    public static let programNotFound = Self(rawValue: "PROGRAM_NOT_FOUND")
    /// A program that was run has failed.
    public static let programFailed = Self(rawValue: "PROGRAM_FAILED")
    /// No VMM can be used on this machine, or not the one asked for.
    public static let vmmNotFound = Self(rawValue: "VMM_NOT_FOUND")
}

extension SmartVMError {
    /// Refuses to begin what would be left half made, or would take the room that is kept for putting things right.
    static func requireSpace(in directory: DataDirectory) throws(SmartVMError) {
        guard let space = try? FileSystemSpace(at: directory.path), space.available < 1 << 20 else { return }
        throw noSpace(at: directory.path)
    }

    /// A full file system.
    static func noSpace(at path: String, underlying: (any Error)? = nil) -> SmartVMError {
        SmartVMError(
            .noSpace, "No space is left on the file system of \(path).",
            cure: "Free some, or set SMARTVM_DATA_DIR to a directory with more.", underlying: underlying)
    }
}
