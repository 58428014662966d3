package import FirecrackerAPI

/// What a supervisor does for its VM's network while the VM runs: it resolves names for the guest, fills the firewall's sets of resolved
/// addresses, and carries the connections of published ports.
///
/// Theory of operation. Whoever starts the VM makes what needs a library or a right to the host's network: the TAP, the rules, and the
/// sockets, which the supervisor inherits as descriptors. So a port that somebody else has is found before anything runs, and nothing
/// of this outlives the supervisor: the kernel closes the sockets.
package struct NetworkPlan: WireModel {
    /// Nil: the guest asks nobody here.
    package var resolver: Resolver?
    package var ports: [Port]
    /// In the order in which the first that matches a name decides.
    package var domainRules: [DomainRule]

    package init(resolver: Resolver? = nil, ports: [Port] = [], domainRules: [DomainRule] = []) {
        self.resolver = resolver
        self.ports = ports
        self.domainRules = domainRules
    }

    package static let schema = Schema(
        "NetworkPlan", initial: NetworkPlan(),
        [
            .optional("resolver", \.resolver),
            .defaulted("ports", \.ports),
            .defaulted("domain_rules", \.domainRules),
        ])

    /// Where the guest asks for names, and who answers.
    package struct Resolver: WireModel {
        /// A UDP socket that is bound already.
        package var datagramDescriptor: UInt32
        /// A TCP socket that listens already.
        package var streamDescriptor: UInt32
        /// The guest's own addresses: nobody else is answered.
        package var guests: [String]
        /// Whom to ask in turn: IP addresses, with a port if it is not 53 (`192.0.2.1:5353`).
        package var servers: [String]
        /// Directories with a file for each VM of a network: its name is the VM's, its content the VM's address.
        package var nameDirectories: [String]
        /// Whether names that no domain rule allows, and that are no VM's, are refused.
        package var refusesUnlisted: Bool

        package init(
            datagramDescriptor: UInt32, streamDescriptor: UInt32, guests: [String], servers: [String],
            nameDirectories: [String], refusesUnlisted: Bool = false
        ) {
            self.datagramDescriptor = datagramDescriptor
            self.streamDescriptor = streamDescriptor
            self.guests = guests
            self.servers = servers
            self.nameDirectories = nameDirectories
            self.refusesUnlisted = refusesUnlisted
        }

        package static let schema = Schema(
            "Resolver",
            initial: Resolver(datagramDescriptor: 0, streamDescriptor: 0, guests: [], servers: [], nameDirectories: []),
            [
                .required("datagram_descriptor", \.datagramDescriptor),
                .required("stream_descriptor", \.streamDescriptor),
                .required("guests", \.guests),
                .required("servers", \.servers),
                .required("name_directories", \.nameDirectories),
                .defaulted("refuses_unlisted", \.refusesUnlisted),
            ])
    }

    /// A published port.
    package struct Port: WireModel {
        package enum Transport: String, WireEnum {
            case tcp, udp
        }

        package var transport: Transport
        /// A socket of the host that is bound already, and listens if it is TCP's.
        package var descriptor: UInt32
        /// Where its connections go: the guest's address.
        package var guestAddress: String
        package var guestPort: UInt32

        package init(transport: Transport, descriptor: UInt32, guestAddress: String, guestPort: UInt32) {
            self.transport = transport
            self.descriptor = descriptor
            self.guestAddress = guestAddress
            self.guestPort = guestPort
        }

        package static let schema = Schema(
            "Port", initial: Port(transport: .tcp, descriptor: 0, guestAddress: "", guestPort: 0),
            [
                .required("transport", \.transport),
                .required("descriptor", \.descriptor),
                .required("guest_address", \.guestAddress),
                .required("guest_port", \.guestPort),
            ])
    }

    /// A rule of the VM's egress that names a domain: the addresses of matching names go into a set of the firewall before the guest
    /// hears of them.
    package struct DomainRule: WireModel {
        /// `example.com`, or `*.example.com` for all names below it.
        package var pattern: String
        /// Whether names that match are answered, or refused.
        package var allows: Bool
        /// Of the family ip.
        package var table: String
        /// Of the type ipv4_addr, with timeouts. Of a rule that does not allow: none is used.
        package var set: String

        package init(pattern: String, allows: Bool, table: String, set: String) {
            self.pattern = pattern
            self.allows = allows
            self.table = table
            self.set = set
        }

        package static let schema = Schema(
            "DomainRule", initial: DomainRule(pattern: "", allows: false, table: "", set: ""),
            [
                .required("pattern", \.pattern),
                .required("allows", \.allows),
                .required("table", \.table),
                .required("set", \.set),
            ])
    }
}
