/// The vsock device: the body of `PUT /vsock`.
public struct VsockConfig: WireModel {
    /// Deprecated; ignored.
    public var vsockId: String?
    /// The guest's context id; 3 or more to be of use.
    public var guestCid: UInt32
    /// The Unix socket that stands for the guest on the host.
    public var udsPath: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(guestCid: UInt32, udsPath: String, vsockId: String? = nil) {
        self.vsockId = vsockId
        self.guestCid = guestCid
        self.udsPath = udsPath
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "VsockDeviceConfig", initial: VsockConfig(guestCid: 3, udsPath: ""),
        [
            .optional("vsock_id", \.vsockId, isElementOptional: true, isShownAsNull: false),
            .required("guest_cid", \.guestCid),
            .required("uds_path", \.udsPath),
        ])
}
