extension MicroVM: GuestFileSystem {
    /// The way to the files of the guest as it runs now.
    ///
    /// - Throws: `INVALID_STATE` unless it runs.
    public nonisolated var fileChannel: GuestFileChannel {
        get async throws { GuestFileChannel(vsockPath: try await runningVsockPath(), vm: id) }
    }
}
