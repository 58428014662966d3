internal import Glibc
internal import GuestProtocol
internal import Linux

/// The names of the VMs of this VM's networks: a file for each in the networks' directories.
///
/// They are read when they are asked for, so that nobody has to be told of a VM that comes or goes.
final class VMNames {
    /// Of a file, in bytes.
    private static let maximumFile = 4096
    /// Of the names that are looked through for an address.
    private static let maximumNames = 4096
    /// How long what was found in a directory is believed, in nanoseconds. A guest that asks without end costs no more than this.
    private static let listLifetime: UInt64 = 1_000_000_000

    private static let suffix = Array("internal".utf8)

    private let directories: [String]
    private var list: [UInt32: String] = [:]
    /// How names that have capital letters are written, by what they are without.
    private var spellings: [String: String] = [:]
    private var listEnd: UInt64 = 0

    init(_ directories: [String]) {
        self.directories = directories
    }

    /// The VM that a name means: a single label, or anything with the suffix `internal`. Nil if no VM can have it.
    static func vm(_ name: DomainName) -> String? {
        var labels = name.labels
        if labels.count > 1, labels.last?.elementsEqual(suffix) == true {
            labels.removeLast()
        } else if labels.count != 1 {
            return nil
        }
        let text = Array(labels.joined(separator: [UInt8(ascii: ".")]))
        return isFileName(text) ? String(decoding: text, as: UTF8.self) : nil
    }

    /// The address that a name below `in-addr.arpa` means.
    static func reversed(_ name: DomainName) -> UInt32? {
        let labels = name.labels.map { String(decoding: $0, as: UTF8.self) }
        guard labels.count == 6, labels[4...] == ["in-addr", "arpa"],
            let address = IPAddress(labels[..<4].reversed().joined(separator: "."))
        else { return nil }
        return address.bytes.longNumber(at: 0)
    }

    /// The VM's addresses; nil if there is no such VM.
    func addresses(of vm: String) -> [UInt32]? {
        if let addresses = read(vm) { return addresses }
        readList()
        return spellings[vm].flatMap { read($0) }
    }

    private func read(_ vm: String) -> [UInt32]? {
        for directory in directories {
            guard let file = try? Descriptor.open("\(directory)/\(vm)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
                let bytes = try? file.readAll(limit: Self.maximumFile)
            else { continue }
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            return lines.compactMap { line in
                IPAddress(String(line)).flatMap { $0.isIPv4 ? $0.bytes.longNumber(at: 0) : nil }
            }
        }
        return nil
    }

    /// The VM that has an address.
    func vm(at address: UInt32) -> String? {
        readList()
        return list[address]
    }

    private func readList() {
        guard Clock.monotonicNanoseconds >= listEnd else { return }
        list = [:]
        spellings = [:]
        var left = Self.maximumNames
        for directory in directories {
            for name in (try? FileTree.names(at: directory)) ?? [] where Self.isFileName(Array(name.utf8)) {
                guard left > 0 else { break }
                left -= 1
                if name.utf8.contains(where: { (0x41...0x5a).contains($0) }) { spellings[name.lowercased()] = name }
                for address in read(name) ?? [] where list[address] == nil { list[address] = name }
            }
        }
        listEnd = Clock.monotonicNanoseconds + Self.listLifetime
    }

    /// Nothing that leads out of a directory, or to a hidden file, is a VM's name.
    private static func isFileName(_ bytes: [UInt8]) -> Bool {
        guard (1...253).contains(bytes.count), bytes[0] != UInt8(ascii: ".") else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
    }
}
