extension Sandbox: GuestFileSystem {
    /// The way to the files of the guest as it runs now.
    ///
    /// - Throws: `INVALID_STATE` unless it runs; `NO_SUCH_VM`.
    public var fileChannel: GuestFileChannel {
        get async throws {
            let info = try await runningInfo("its files cannot be reached")
            return GuestFileChannel(vsockPath: vsockPath, vm: info.name)
        }
    }
}
