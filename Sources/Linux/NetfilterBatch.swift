/// Changes of the firewall that the kernel makes together or not at all: nf_tables, linux/netfilter/nf_tables.h.
///
/// Only what is done for each VM, and must therefore cost microseconds, is said in this way; rules are nft(8)'s business.
public struct NetfilterBatch: Sendable {
    /// Which packets a table sees.
    public enum Family: UInt8, Sendable {
        case ip = 2
        case bridge = 7
    }

    private enum Kind {
        static let begin: UInt16 = 0x10
        static let end: UInt16 = 0x11
        /// Those of the subsystem nf_tables.
        static let getTable: UInt16 = 0xa01
        static let deleteTable: UInt16 = 0xa02
        static let newElement: UInt16 = 0xa0c
        static let deleteElement: UInt16 = 0xa0e
    }

    private static let subsystem: UInt16 = 10
    private static let nested: UInt16 = 0x8000

    private var messages: [NetlinkMessage] = []

    public init() {}

    /// Adds an element to a set; one that is there is no error.
    ///
    /// - Parameter key: Its parts in network order, each filled with zeros to a multiple of four bytes.
    public mutating func addElement(_ key: [UInt8], to set: String, table: String, family: Family) {
        append(Self.element(Kind.newElement, key, set, table, family, flags: NetlinkMessage.Flag.create))
    }

    /// Removes an element from a set; one that is not there fails.
    public mutating func deleteElement(_ key: [UInt8], from set: String, table: String, family: Family) {
        append(Self.element(Kind.deleteElement, key, set, table, family))
    }

    /// Removes a table and all that is in it; one that is not there fails.
    public mutating func deleteTable(_ name: String, family: Family) {
        var message = Self.message(Kind.deleteTable, family: family)
        message.appendAttribute(1, name)
        append(message)
    }

    /// Makes the changes.
    ///
    /// - Throws: What the kernel refuses one of them with: then none was made. `noSuchFile` if the table, set or element is missing.
    public func commit() throws(Errno) {
        guard !messages.isEmpty else { return }
        let socket = try NetlinkSocket(.netfilter)
        var messages = messages
        let last = UInt32(messages.count)
        messages[messages.count - 1].flags |= NetlinkMessage.Flag.acknowledge
        let bytes =
            Self.boundary(Kind.begin, sequence: 0).bytes + messages.flatMap(\.bytes)
            + Self.boundary(Kind.end, sequence: last + 1).bytes
        try socket.send(bytes)
        while true {
            for reply in NetlinkMessage.messages(in: try socket.receive()) where reply.kind == NetlinkMessage.Kind.error
            {
                let code: Int32 = NetlinkMessage.integer(reply.payload, at: 0) ?? 0
                if code != 0 { throw Errno(rawValue: -code) }
                if reply.sequence == last { return }
            }
        }
    }

    /// Whether there is a table of that name.
    public static func hasTable(_ name: String, family: Family) throws(Errno) -> Bool {
        var socket = try NetlinkSocket(.netfilter)
        var message = message(Kind.getTable, family: family)
        message.appendAttribute(1, name)
        do throws(Errno) {
            return try !socket.request(message).isEmpty
        } catch .noSuchFile {
            return false
        }
    }

    private mutating func append(_ message: NetlinkMessage) {
        var message = message
        message.sequence = UInt32(messages.count + 1)
        messages.append(message)
    }

    private static func element(
        _ kind: UInt16, _ key: [UInt8], _ set: String, _ table: String, _ family: Family, flags: UInt16 = 0
    ) -> NetlinkMessage {
        var message = message(kind, family: family, flags: flags)
        message.appendAttribute(1, table)
        message.appendAttribute(2, set)
        // A list of one element, which is a key, which is a value.
        message.appendNested(3 | nested) { message in
            message.appendNested(1 | nested) { message in
                message.appendNested(1 | nested) { $0.appendAttribute(1, key) }
            }
        }
        return message
    }

    /// A message that begins with struct nfgenmsg.
    private static func message(_ kind: UInt16, family: Family, flags: UInt16 = 0) -> NetlinkMessage {
        NetlinkMessage(kind: kind, flags: flags | NetlinkMessage.Flag.request, payload: [family.rawValue, 0, 0, 0])
    }

    private static func boundary(_ kind: UInt16, sequence: UInt32) -> NetlinkMessage {
        NetlinkMessage(
            kind: kind, flags: NetlinkMessage.Flag.request, sequence: sequence,
            payload: [0, 0, UInt8(subsystem >> 8), UInt8(subsystem & 0xff)])
    }
}
