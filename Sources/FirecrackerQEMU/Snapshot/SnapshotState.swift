internal import FirecrackerAPI

/// The state of a VM apart from its memory: what the state file of a snapshot holds.
struct SnapshotState: Hashable {
    /// What `GET /vm/config` showed.
    var configuration: VMConfiguration
    /// Whether the VM was started with `--enable-pci`.
    var isPCIEnabled = false
    /// Devices and processors.
    var machine: MachineDescription.SavedState
}

// MARK: As a file

extension SnapshotState {
    /// Why a file is none of ours, in Firecracker's words where it has some.
    enum Refusal: Error, Hashable {
        case tooShort
        case checksum
        case magic(UInt64)
        case version(UInt32)
        case content(String)
        case unreadable(String)

        var sentence: String {
            switch self {
            case .tooShort: "IO Error: File too short to contain CRC"
            case .checksum: "CRC64 validation failed"
            case .magic(let number):
                "Magic value does not match arch: \(number). smartvm-qemu has not written this file; the state that Firecracker "
                    + "itself saves is that of KVM's processors, which QEMU cannot take over."
            case .version(let number): "Invalid data version: \(number)"
            case .content(let name): "The file's description of the VM has no valid \(name)"
            case .unreadable(let reason): "IO Error: \(reason)"
            }
        }

        /// As Rust's `Debug` would show it.
        var debugText: String {
            switch self {
            case .tooShort:
                "Io(Custom { kind: UnexpectedEof, error: \"File too short to contain CRC\" })"
            case .checksum: "Crc64"
            case .magic(let number): "InvalidMagic(\(number))"
            case .version(let number): "InvalidFormatVersion(\(number))"
            case .content, .unreadable: "InvalidFormat"
            }
        }
    }

    /// The name of the format that `--snapshot-version` and `--describe-snapshot` tell: Firecracker's of this version.
    static let formatName = "v10.0.0"
    /// "SMARTVMQ", read as a little-endian number.
    static let magic: UInt64 = 0x514d_5654_5241_4d53
    /// To be raised with every change of the layout or of what QEMU is started with.
    static let version: UInt32 = 2
    /// The largest file that is read.
    static let sizeLimit = 64 << 20
    private static let headerSize = 16

    /// The file: magic, version, the length of the description, the description as JSON, QEMU's state, the checksum.
    var encoded: [UInt8] {
        let description = JSONValue.object(members).encoded
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerSize + description.count + machine.bytes.count + 8)
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(description.count))
        bytes += description
        bytes += machine.bytes
        bytes.append(littleEndian: CRC64.of(bytes))
        return bytes
    }

    /// Checks everything that can be checked without QEMU.
    init(decoding bytes: [UInt8]) throws(Refusal) {
        try Self.check(bytes)
        let length = Int(bytes.integer(at: 12, as: UInt32.self))
        let end = bytes.count - 8
        guard length <= end - Self.headerSize else { throw .content("length") }
        let description = Array(bytes[Self.headerSize..<(Self.headerSize + length)])
        guard let value = try? JSONValue(decoding: description), case .object(let members) = value else {
            throw .content("JSON")
        }
        try self.init(members, machine: Array(bytes[(Self.headerSize + length)..<end]))
    }

    /// Looks whether it is a file of this format, and undamaged.
    static func check(_ bytes: [UInt8]) throws(Refusal) {
        guard bytes.count >= 8 else { throw .tooShort }
        guard CRC64.of(bytes) == 0 else { throw .checksum }
        let magic = bytes.integer(at: 0, as: UInt64.self)
        guard magic == Self.magic, bytes.count >= headerSize + 8 else { throw .magic(magic) }
        let version = bytes.integer(at: 8, as: UInt32.self)
        guard version == Self.version else { throw .version(version) }
    }

    private var members: JSONObject {
        var members = JSONObject()
        members["configuration"] = try? JSONValue(decoding: configuration.json(showsNulls: false))
        members["pci"] = .bool(isPCIEnabled)
        members["qemu"] = .string(machine.qemuVersion)
        members["tsc_khz"] = .unsigned(UInt64(machine.timeStampCounter))
        members["stopped_at_ns"] = .unsigned(machine.stoppedAt)
        members["vsock_next_host_port"] = machine.nextHostPort.map { .unsigned(UInt64($0)) }
        if !machine.limiters.isEmpty {
            var limiters = JSONObject()
            for (name, levels) in machine.limiters { limiters[name] = levels.json }
            members["limiters"] = .object(limiters)
        }
        return members
    }

    private init(_ members: JSONObject, machine bytes: [UInt8]) throws(Refusal) {
        guard let text = members["configuration"]?.encoded,
            let configuration = try? VMConfiguration(decoding: text, skipsUnknownFields: true)
        else { throw .content("configuration") }
        guard let qemuVersion = members["qemu"]?.text else { throw .content("qemu") }
        guard let frequency = members["tsc_khz"]?.unsigned.flatMap({ Int(exactly: $0) }), frequency > 0 else {
            throw .content("tsc_khz")
        }
        guard let stoppedAt = members["stopped_at_ns"]?.unsigned else { throw .content("stopped_at_ns") }
        var limiters: [String: LimiterLevels] = [:]
        if case .object(let saved)? = members["limiters"] {
            for member in saved.members { limiters[member.name] = LimiterLevels(member.value) }
        }
        let machine = MachineDescription.SavedState(
            bytes: bytes, qemuVersion: qemuVersion, timeStampCounter: frequency, stoppedAt: stoppedAt,
            nextHostPort: members["vsock_next_host_port"]?.unsigned.flatMap { UInt32(exactly: $0) },
            limiters: limiters)
        self.init(configuration: configuration, isPCIEnabled: members["pci"] == .bool(true), machine: machine)
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
