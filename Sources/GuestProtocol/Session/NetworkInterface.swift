/// The addresses of one network interface of the guest, which is found by its MAC address.
public struct NetworkInterface: Hashable, Sendable {
    /// `06:00:ac:10:00:02`, upper or lower case.
    public var macAddress: String
    public var addresses: [Address]
    /// The next hops of the default routes, at most one per family; they need not be in the range of an address.
    public var gateways: [IPAddress]
    /// Bytes; nil leaves the device's own.
    public var mtu: UInt32?
    /// Given to the interface first, which from then on has this MAC address: a clone would else share that of its template. An
    /// interface that has it already is meant too.
    public var newMACAddress: String?

    public struct Address: Hashable, Sendable {
        public var address: IPAddress
        public var prefixLength: UInt8

        public init(_ address: IPAddress, prefixLength: UInt8) {
            self.address = address
            self.prefixLength = prefixLength
        }
    }

    public init(
        macAddress: String, addresses: [Address], gateways: [IPAddress] = [], mtu: UInt32? = nil,
        newMACAddress: String? = nil
    ) {
        self.macAddress = macAddress
        self.addresses = addresses
        self.gateways = gateways
        self.mtu = mtu
        self.newMACAddress = newMACAddress
    }
}

extension NetworkInterface {
    func write(to writer: inout WireWriter) {
        writer.write(macAddress)
        writer.write(list: addresses) { writer, address in
            address.address.write(to: &writer)
            writer.write(address.prefixLength)
        }
        writer.write(list: gateways) { writer, gateway in gateway.write(to: &writer) }
        writer.write(optional: mtu) { writer, mtu in writer.write(mtu) }
        writer.write(optional: newMACAddress) { writer, address in writer.write(address) }
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        macAddress = try reader.string()
        addresses = try reader.list { (reader) throws(GuestProtocolError) in
            let address = try IPAddress(from: &reader)
            let prefixLength: UInt8 = try reader.integer()
            guard Int(prefixLength) <= address.bytes.count * 8 else { throw .invalidValue }
            return Address(address, prefixLength: prefixLength)
        }
        gateways = try reader.list { (reader) throws(GuestProtocolError) in try IPAddress(from: &reader) }
        mtu = try reader.optional { (reader) throws(GuestProtocolError) in try reader.integer() }
        newMACAddress = try reader.optional { (reader) throws(GuestProtocolError) in try reader.string() }
    }
}
