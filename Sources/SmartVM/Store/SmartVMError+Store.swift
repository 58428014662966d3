public import FirecrackerClient
internal import GRDB

extension SmartVMError.Code {
    /// The database of the data directory is damaged, or not one that this version can use.
    public static let storeUnusable = Self(rawValue: "STORE_UNUSABLE")
    /// Another process has kept the database to itself for too long.
    public static let storeBusy = Self(rawValue: "STORE_BUSY")
    /// There is no network of this name.
    public static let noSuchNetwork = Self(rawValue: "NO_SUCH_NETWORK")
    /// There is a network of this name already.
    public static let networkExists = Self(rawValue: "NETWORK_EXISTS")
    /// A VM is to be in the network.
    public static let networkInUse = Self(rawValue: "NETWORK_IN_USE")
}

extension SmartVMError {
    /// What is wrong with the database at `path`, in words that name the cure.
    static func store(_ error: any Error, at path: String) -> SmartVMError {
        if let error = error as? SmartVMError { return error }
        let code = (error as? DatabaseError)?.resultCode
        switch code {
        case .SQLITE_FULL: return .noSpace(at: path, underlying: error)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return SmartVMError(
                .storeBusy, "The database \(path) has been in use by another process for \(Store.patience).",
                cure: "See which process has it open: fuser -v \(path)", underlying: error)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return SmartVMError(
                .storeUnusable, "The database \(path) is damaged: \(reason(error)).",
                cure:
                    "Stop the VMs that run, and move it and the files \(path)-wal and \(path)-shm away: it is made anew, and "
                    + "interfaces that it named are found by their alias.",
                underlying: error)
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_IOERR, .SQLITE_AUTH:
            return SmartVMError(
                .dataDirectoryUnusable, "The database \(path) cannot be opened and written: \(reason(error)).",
                cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
        default:
            return SmartVMError(
                .storeUnusable, "The database \(path) cannot be used: \(reason(error)).", underlying: error)
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DatabaseError else { return "\(error)" }
        return error.message ?? "\(error.resultCode)"
    }
}
