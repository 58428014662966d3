public import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// Where SmartVM keeps what outlives a command: images, VMs, caches. One directory per user, closed to all others.
public struct DataDirectory: Hashable, Sendable {
    /// An absolute path.
    public let path: String

    /// Uses a directory of the caller's choice. Nothing is made or checked before ``prepare()``.
    public init(path: String) {
        self.path = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    /// The directory of this user: `$SMARTVM_DATA_DIR`, else for root `/var/lib/smartvm`, else `$XDG_DATA_HOME/smartvm`, which
    /// defaults to `~/.local/share/smartvm`. An empty variable counts as none.
    ///
    /// - Throws: `DATA_DIRECTORY_UNUSABLE` if neither a variable nor a home directory says where it is.
    public init(_ environment: HostEnvironment = .current) throws(SmartVMError) {
        if let chosen = environment.value("SMARTVM_DATA_DIR") {
            self.init(path: chosen)
        } else if environment.user == 0 {
            self.init(path: "/var/lib/smartvm")
        } else if let data = environment.value("XDG_DATA_HOME"), data.hasPrefix("/") {
            // The specification of these variables has relative paths ignored.
            self.init(path: "\(data)/smartvm")
        } else if let home = environment.value("HOME") {
            self.init(path: "\(home)/.local/share/smartvm")
        } else {
            throw SmartVMError(
                .dataDirectoryUnusable,
                "Neither SMARTVM_DATA_DIR nor HOME is set: there is no place for SmartVM's data.",
                cure: "Set SMARTVM_DATA_DIR to a directory that you can write.")
        }
    }

    /// Makes the directory, mode 0700, unless it is there, and checks that this user can write in it.
    public func prepare() throws(SmartVMError) {
        try Self.make(path)
        guard File.isWritable(path) else { throw Self.unusable(path, .permissionDenied) }
    }

    /// A directory below, made if it is missing.
    public func directory(_ name: String) throws(SmartVMError) -> String {
        try prepare()
        let directory = "\(path)/\(name)"
        try Self.make(directory)
        return directory
    }

    /// Images, one directory each.
    public var imagesPath: String { "\(path)/images" }

    /// The database of what outlives commands.
    var databasePath: String { "\(path)/smartvm.db" }

    /// Kernels that were unpacked, to be found again.
    var kernelsPath: String { "\(path)/kernels" }

    /// Releases of Firecracker, one directory each, named by their versions.
    public var releasesPath: String { "\(path)/firecracker" }

    /// Makes a directory of SmartVM's and those above it.
    static func make(_ directory: String) throws(SmartVMError) {
        do throws(Errno) {
            try FileTree.makeDirectories(directory, mode: 0o700)
            guard (try FileStatus(of: directory)).kind == .directory else { throw .notDirectory }
        } catch {
            throw unusable(directory, error)
        }
    }

    private static func unusable(_ directory: String, _ error: Errno) -> SmartVMError {
        if error == .noSpace { return .noSpace(at: directory, underlying: error) }
        return SmartVMError(
            .dataDirectoryUnusable, "The data directory \(directory) cannot be written: \(error).",
            cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
    }
}
