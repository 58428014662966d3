public import FirecrackerClient

extension SmartVMError.Code {
    /// A text is not an IPv4 network that guests can be given.
    public static let invalidSubnet = Self(rawValue: "INVALID_SUBNET")
    /// A text cannot be the name of a network interface.
    public static let invalidInterfaceName = Self(rawValue: "INVALID_INTERFACE_NAME")
    /// A text is no MAC address that a guest can have.
    public static let invalidMACAddress = Self(rawValue: "INVALID_MAC_ADDRESS")
    /// All addresses of the subnet are given out.
    public static let ipExhausted = Self(rawValue: "IP_EXHAUSTED")
    /// The subnet overlaps one that the host reaches in another way.
    public static let subnetInUse = Self(rawValue: "SUBNET_IN_USE")
    /// The bridge's name is that of an interface which SmartVM has not made, or which carries another subnet.
    public static let bridgeInUse = Self(rawValue: "BRIDGE_IN_USE")
    /// Another VM of the network has the MAC address.
    public static let macAddressInUse = Self(rawValue: "MAC_ADDRESS_IN_USE")
    /// This process may not configure the host's network.
    public static let networkNotPermitted = Self(rawValue: "NETWORK_NOT_PERMITTED")
    /// A port that is to be published is taken.
    public static let portInUse = Self(rawValue: "PORT_IN_USE")
    /// This user may not take a port that is to be published.
    public static let portNotPermitted = Self(rawValue: "PORT_NOT_PERMITTED")
    /// Another process has been configuring the host's network for too long.
    public static let networkBusy = Self(rawValue: "NETWORK_BUSY")
    /// The host's network could not be configured.
    public static let networkFailed = Self(rawValue: "NETWORK_FAILED")
}
