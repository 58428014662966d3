/// How files are copied between host and guest.
public struct FileCopyOptions: Hashable, Sendable {
    /// Whether copies belong to the users and groups, by number, of the originals. On the host that happens only if this process is
    /// root's. Otherwise copies belong to root in the guest, and to this process's user on the host. Default: true.
    public var keepsOwners: Bool
    /// Whether set-user-id, set-group-id and sticky bits of files that come out of a guest are kept: a guest could give the host's
    /// users a program that runs as root. Files that go into a guest keep them in any case. Default: false.
    public var keepsSpecialModes: Bool
    /// How many files and directories a guest may give the host; more are an error. Default: ten million.
    public var maximumEntries: Int
    /// How many bytes of contents a guest may give the host; more are an error. Default: as many as there is room for.
    public var maximumBytes: Int?

    /// How files are copied; see each field for its default.
    public init(
        keepsOwners: Bool = true, keepsSpecialModes: Bool = false, maximumEntries: Int = 10_000_000,
        maximumBytes: Int? = nil
    ) {
        self.keepsOwners = keepsOwners
        self.keepsSpecialModes = keepsSpecialModes
        self.maximumEntries = maximumEntries
        self.maximumBytes = maximumBytes
    }
}

/// What a copy has moved.
public struct FileCopySummary: Hashable, Sendable {
    /// Regular files; a second name of one counts too.
    public var files: Int
    /// Directories, the top one included.
    public var directories: Int
    /// Symbolic links.
    public var symbolicLinks: Int
    /// Bytes of contents, without the holes of sparse files.
    public var bytes: Int
    /// How many were left out, because they are no files that are copied: devices, sockets, pipes, other mounted file systems.
    public var skippedCount: Int
    /// The first hundred of them.
    public var skipped: [String]
}
