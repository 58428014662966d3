/// The personal half of a boot: everything that tells one guest from another that was started in the same way.
public struct Configuration: Hashable, Sendable {
    /// nil keeps the one that the guest has; likewise below.
    public var hostname: String?
    /// 32 hexadecimal digits, for /etc/machine-id.
    public var machineID: String?
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    public var wallClockNanoseconds: UInt64?
    /// Random bytes that the guest's random number generator is to take in and credit, at most 512 of use.
    public var entropySeed: [UInt8]
    public var interfaces: [NetworkInterface]
    /// Written to /etc/resolv.conf, unless there are neither.
    public var nameServers: [IPAddress]
    public var searchDomains: [String]
    public var mounts: [Mount]

    /// A block device that is to be mounted.
    public struct Mount: Hashable, Sendable {
        /// `/dev/vdb`.
        public var device: String
        /// Made if it does not exist.
        public var path: String
        /// nil: recognised by the superblock.
        public var fileSystemType: String?
        public var readOnly: Bool

        public init(device: String, path: String, fileSystemType: String? = nil, readOnly: Bool = false) {
            self.device = device
            self.path = path
            self.fileSystemType = fileSystemType
            self.readOnly = readOnly
        }
    }

    public init(
        hostname: String? = nil, machineID: String? = nil, wallClockNanoseconds: UInt64? = nil,
        entropySeed: [UInt8] = [],
        interfaces: [NetworkInterface] = [], nameServers: [IPAddress] = [], searchDomains: [String] = [],
        mounts: [Mount] = []
    ) {
        self.hostname = hostname
        self.machineID = machineID
        self.wallClockNanoseconds = wallClockNanoseconds
        self.entropySeed = entropySeed
        self.interfaces = interfaces
        self.nameServers = nameServers
        self.searchDomains = searchDomains
        self.mounts = mounts
    }
}

extension Configuration {
    func write(to writer: inout WireWriter) {
        writer.write(optional: hostname) { writer, value in writer.write(value) }
        writer.write(optional: machineID) { writer, value in writer.write(value) }
        writer.write(optional: wallClockNanoseconds) { writer, value in writer.write(value) }
        writer.write(entropySeed)
        writer.write(list: interfaces) { writer, interface in interface.write(to: &writer) }
        writer.write(list: nameServers) { writer, server in server.write(to: &writer) }
        writer.write(list: searchDomains) { writer, domain in writer.write(domain) }
        writer.write(list: mounts) { writer, mount in
            writer.write(mount.device)
            writer.write(mount.path)
            writer.write(optional: mount.fileSystemType) { writer, type in writer.write(type) }
            writer.write(mount.readOnly)
        }
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        hostname = try reader.optional { (reader) throws(GuestProtocolError) in try reader.string() }
        machineID = try reader.optional { (reader) throws(GuestProtocolError) in try reader.string() }
        wallClockNanoseconds = try reader.optional { (reader) throws(GuestProtocolError) in try reader.integer() }
        entropySeed = try reader.byteString()
        interfaces = try reader.list { (reader) throws(GuestProtocolError) in try NetworkInterface(from: &reader) }
        nameServers = try reader.list { (reader) throws(GuestProtocolError) in try IPAddress(from: &reader) }
        searchDomains = try reader.list { (reader) throws(GuestProtocolError) in try reader.string() }
        mounts = try reader.list { (reader) throws(GuestProtocolError) in
            Mount(
                device: try reader.string(), path: try reader.string(),
                fileSystemType: try reader.optional { (reader) throws(GuestProtocolError) in try reader.string() },
                readOnly: try reader.boolean())
        }
    }
}
