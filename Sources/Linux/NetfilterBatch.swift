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
        static let deleteChain: UInt16 = 0xa05
        static let deleteRule: UInt16 = 0xa08
        static let deleteSet: UInt16 = 0xa0b
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

    /// Puts an element into a set for so long from now on, whether it is there or not.
    ///
    /// Adding alone would leave the time of one that is there. To packets it is there all the while: they see the batch as a whole.
    public mutating func renewElement(
        _ key: [UInt8], in set: String, table: String, family: Family, milliseconds: UInt64
    ) {
        addElement(key, to: set, table: table, family: family)
        deleteElement(key, from: set, table: table, family: family)
        append(
            Self.element(
                Kind.newElement, key, set, table, family, flags: NetlinkMessage.Flag.create, milliseconds: milliseconds)
        )
    }

    /// Adds an element to a map; one that is there with the same value is no error.
    ///
    /// - Parameter value: What the key leads to, its parts as those of a key.
    public mutating func addElement(
        _ key: [UInt8], value: [UInt8], to map: String, table: String, family: Family
    ) {
        var message = Self.message(Kind.newElement, family: family, flags: NetlinkMessage.Flag.create)
        message.appendAttribute(1, table)
        message.appendAttribute(2, map)
        message.appendNested(3 | Self.nested) { message in
            message.appendNested(1 | Self.nested) { message in
                message.appendNested(1 | Self.nested) { $0.appendAttribute(1, key) }
                message.appendNested(2 | Self.nested) { $0.appendAttribute(1, value) }
            }
        }
        append(message)
    }

    /// Removes a chain that nothing leads to any more, with its rules; one that is not there fails.
    public mutating func deleteChain(_ name: String, table: String, family: Family) {
        var rules = Self.message(Kind.deleteRule, family: family)
        rules.appendAttribute(1, table)
        rules.appendAttribute(2, name)
        append(rules)
        var chain = Self.message(Kind.deleteChain, family: family)
        chain.appendAttribute(1, table)
        chain.appendAttribute(3, name)
        append(chain)
    }

    /// Removes a set that no rule uses any more; one that is not there fails.
    public mutating func deleteSet(_ name: String, table: String, family: Family) {
        var message = Self.message(Kind.deleteSet, family: family)
        message.appendAttribute(1, table)
        message.appendAttribute(2, name)
        append(message)
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

    fileprivate static func question(table: String, family: Family) -> NetlinkMessage {
        var message = message(Kind.getTable, family: family)
        message.appendAttribute(1, table)
        return message
    }

    fileprivate func numbered(from first: UInt32) -> [NetlinkMessage] {
        var messages = messages
        for index in messages.indices { messages[index].sequence = first + UInt32(index) + 1 }
        if !messages.isEmpty { messages[messages.count - 1].flags |= NetlinkMessage.Flag.acknowledge }
        return [Self.boundary(Kind.begin, sequence: first)] + messages
            + [Self.boundary(Kind.end, sequence: first + UInt32(messages.count) + 1)]
    }

    private mutating func append(_ message: NetlinkMessage) {
        messages.append(message)
    }

    private static func element(
        _ kind: UInt16, _ key: [UInt8], _ set: String, _ table: String, _ family: Family, flags: UInt16 = 0,
        milliseconds: UInt64? = nil
    ) -> NetlinkMessage {
        var message = message(kind, family: family, flags: flags)
        message.appendAttribute(1, table)
        message.appendAttribute(2, set)
        // A list of one element, which is a key, which is a value.
        message.appendNested(3 | nested) { message in
            message.appendNested(1 | nested) { message in
                message.appendNested(1 | nested) { $0.appendAttribute(1, key) }
                if let milliseconds {
                    message.appendAttribute(4, withUnsafeBytes(of: milliseconds.bigEndian) { Array($0) })
                }
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

extension NetlinkSocket {
    /// Whether a table is there, over a socket whose subject is the firewall.
    public mutating func hasTable(_ name: String, family: NetfilterBatch.Family) throws(Errno) -> Bool {
        do throws(Errno) {
            try request(NetfilterBatch.question(table: name, family: family))
            return true
        } catch .noSuchFile {
            return false
        }
    }

    /// Makes the changes, over a socket whose subject is the firewall.
    ///
    /// Keep that socket: closing one after something was removed waits until all processors have let go of it, which takes tens of
    /// milliseconds.
    ///
    /// - Throws: What the kernel refuses one of them with: then none was made. `noSuchFile` if the table, set or element is missing.
    public mutating func commit(_ batch: NetfilterBatch) throws(Errno) {
        let messages = batch.numbered(from: nextSequence)
        guard let first = messages.first?.sequence, let end = messages.last?.sequence, end > first + 1 else { return }
        nextSequence = end + 1
        try send(messages.flatMap(\.bytes))
        while true {
            for reply in NetlinkMessage.messages(in: try receive())
            where reply.kind == NetlinkMessage.Kind.error && (first...end).contains(reply.sequence) {
                let code: Int32 = NetlinkMessage.integer(reply.payload, at: 0) ?? 0
                if code != 0 { throw Errno(rawValue: -code) }
                if reply.sequence == end - 1 { return }
            }
        }
    }
}
