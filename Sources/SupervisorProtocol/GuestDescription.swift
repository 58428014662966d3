package import FirecrackerAPI
package import GuestProtocol

/// Who a guest is and what it is told of its surroundings, as a plan has it: time and randomness are added when it says hello.
package struct GuestDescription: WireModel {
    package var hostname: String?
    /// 32 hexadecimal digits, the same in all lives of a VM.
    package var machineID: String?
    package var interfaces: [Interface]
    /// IP addresses.
    package var nameServers: [String]
    package var mounts: [Mount]

    package init(
        hostname: String? = nil, machineID: String? = nil, interfaces: [Interface] = [], nameServers: [String] = [],
        mounts: [Mount] = []
    ) {
        self.hostname = hostname
        self.machineID = machineID
        self.interfaces = interfaces
        self.nameServers = nameServers
        self.mounts = mounts
    }

    package static let schema = Schema(
        "GuestDescription", initial: GuestDescription(),
        [
            .optional("hostname", \.hostname),
            .optional("machine_id", \.machineID),
            .defaulted("interfaces", \.interfaces),
            .defaulted("name_servers", \.nameServers),
            .defaulted("mounts", \.mounts),
        ])

    /// A network interface of the guest.
    package struct Interface: WireModel {
        package var macAddress: String
        /// As in `172.30.0.2/24`.
        package var addresses: [String]
        package var gateways: [String]
        package var mtu: UInt32?

        package init(macAddress: String, addresses: [String], gateways: [String] = [], mtu: UInt32? = nil) {
            self.macAddress = macAddress
            self.addresses = addresses
            self.gateways = gateways
            self.mtu = mtu
        }

        package static let schema = Schema(
            "Interface", initial: Interface(macAddress: "", addresses: []),
            [
                .required("mac_address", \.macAddress),
                .required("addresses", \.addresses),
                .defaulted("gateways", \.gateways),
                .optional("mtu", \.mtu),
            ])
    }

    /// A file system of a block device.
    package struct Mount: WireModel {
        package var device: String
        package var path: String
        package var fileSystemType: String?
        package var isReadOnly: Bool

        package init(device: String, path: String, fileSystemType: String? = nil, isReadOnly: Bool = false) {
            self.device = device
            self.path = path
            self.fileSystemType = fileSystemType
            self.isReadOnly = isReadOnly
        }

        package static let schema = Schema(
            "Mount", initial: Mount(device: "", path: ""),
            [
                .required("device", \.device),
                .required("path", \.path),
                .optional("type", \.fileSystemType),
                .defaulted("read_only", \.isReadOnly),
            ])
    }
}

extension GuestDescription {
    /// What the guest is told. Addresses that are none are left out.
    package func configuration(wallClockNanoseconds: UInt64, entropySeed: [UInt8]) -> Configuration {
        Configuration(
            hostname: hostname, machineID: machineID, wallClockNanoseconds: wallClockNanoseconds,
            entropySeed: entropySeed,
            interfaces: interfaces.map { interface in
                GuestProtocol.NetworkInterface(
                    macAddress: interface.macAddress, addresses: interface.addresses.compactMap(Self.address),
                    gateways: interface.gateways.compactMap { IPAddress($0) }, mtu: interface.mtu)
            },
            nameServers: nameServers.compactMap { IPAddress($0) },
            mounts: mounts.map {
                Configuration.Mount(
                    device: $0.device, path: $0.path, fileSystemType: $0.fileSystemType, readOnly: $0.isReadOnly)
            })
    }

    private static func address(_ text: String) -> GuestProtocol.NetworkInterface.Address? {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let address = IPAddress(String(parts[0])), let length = UInt8(parts[1]) else {
            return nil
        }
        return GuestProtocol.NetworkInterface.Address(address, prefixLength: length)
    }
}
