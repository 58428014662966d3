public import FirecrackerClient

extension SmartVMError.Code {
    /// There is no volume of this name.
    public static let noSuchVolume = Self(rawValue: "NO_SUCH_VOLUME")
    /// A volume is another VM's now, or a sandbox is made with it.
    public static let volumeInUse = Self(rawValue: "VOLUME_IN_USE")
}

extension SmartVMError {
    static func noSuchVolume(_ name: String) -> SmartVMError {
        SmartVMError(.noSuchVolume, "No such volume: \(name).", cure: "See `smartvm volume ls`.")
    }
}
