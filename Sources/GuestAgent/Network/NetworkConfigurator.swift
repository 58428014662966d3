internal import GuestProtocol
internal import Linux

/// Gives the guest's interfaces their addresses. It can be done again with others, as a clone needs it.
struct NetworkConfigurator: ~Copyable {
    private var socket: NetlinkSocket

    init() throws(Errno) {
        socket = try NetlinkSocket()
    }

    /// Whether the guest has the interface.
    mutating func isPresent(_ interface: NetworkInterface) -> Bool {
        let addresses = [interface.macAddress, interface.newMACAddress ?? ""].compactMap { Link.parseMAC($0) }
        let links = (try? socket.dump(LinkRequests.dump(NetlinkMessage.Kind.getLink)))?.compactMap { Link($0) } ?? []
        return links.contains { addresses.contains($0.macAddress) }
    }

    /// Configures one interface.
    ///
    /// - Returns: A sentence for each thing that failed.
    mutating func apply(_ interface: NetworkInterface) -> [String] {
        var problems: [String] = []
        guard let mac = Link.parseMAC(interface.macAddress) else {
            return ["\(interface.macAddress) is no MAC address; give six bytes as in 06:00:ac:10:00:02"]
        }
        let newMAC = interface.newMACAddress.flatMap { Link.parseMAC($0) }
        if newMAC == nil, let text = interface.newMACAddress { problems.append("\(text) is no MAC address") }
        do throws(Errno) {
            let links = try socket.dump(LinkRequests.dump(NetlinkMessage.Kind.getLink)).compactMap { Link($0) }
            guard let link = links.first(where: { $0.macAddress == mac || $0.macAddress == newMAC }) else {
                problems.append(
                    "no network interface has the MAC address \(interface.macAddress); attach one, or add the module virtio_net"
                )
                return problems
            }
            try configure(link, interface, newMAC: newMAC == link.macAddress ? nil : newMAC, &problems)
        } catch {
            problems.append("network: \(error)")
        }
        return problems
    }

    private mutating func configure(
        _ link: Link, _ interface: NetworkInterface, newMAC: [UInt8]?, _ problems: inout [String]
    ) throws(Errno) {
        let index = UInt32(bitPattern: link.index)
        let wanted = interface.addresses.map {
            LinkAddress(linkIndex: index, bytes: $0.address.bytes, prefixLength: $0.prefixLength)
        }
        let linkLocal: [UInt8] = [0xfe, 0x80]
        let present = try socket.dump(LinkRequests.dump(NetlinkMessage.Kind.getAddress)).compactMap { LinkAddress($0) }
            .filter { $0.linkIndex == index && !($0.bytes.count == 16 && $0.bytes.starts(with: linkLocal)) }
        let stale = present.filter { !wanted.contains($0) }
        if !stale.isEmpty || newMAC != nil {
            // Down and up again: routes by the old addresses and neighbours of the old network go with it.
            try socket.request(LinkRequests.change(link.index, isUp: false))
            for address in stale { _ = try? socket.request(LinkRequests.remove(address)) }
        }
        do throws(Errno) {
            try socket.request(LinkRequests.change(link.index, isUp: true, mtu: interface.mtu, macAddress: newMAC))
        } catch {
            problems.append("\(link.name): MTU, MAC address or bringing it up: \(error)")
            try socket.request(LinkRequests.change(link.index, isUp: true))
        }
        for (address, given) in zip(wanted, interface.addresses) {
            do throws(Errno) {
                try socket.request(LinkRequests.add(address))
            } catch {
                problems.append("\(link.name): address \(given.address.description): \(error)")
            }
        }
        for gateway in interface.gateways {
            do throws(Errno) {
                try socket.request(LinkRequests.defaultRoute(by: gateway.bytes, linkIndex: index))
            } catch {
                problems.append("\(link.name): gateway \(gateway.description): \(error)")
            }
        }
    }
}
