/// Changes to what the guest sees of the CPU: the body of `PUT /cpu-config`.
public struct CPUConfig: WireModel {
    /// Numbers of KVM capabilities to require, or with `!` before them not to require.
    public var kvmCapabilities: [String]
    /// Changes to leaves of CPUID. Default: none.
    public var cpuidModifiers: [CPUIDModifier]
    /// Changes to model-specific registers. Default: none.
    public var msrModifiers: [MSRModifier]

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        kvmCapabilities: [String] = [], cpuidModifiers: [CPUIDModifier] = [], msrModifiers: [MSRModifier] = []
    ) {
        self.kvmCapabilities = kvmCapabilities
        self.cpuidModifiers = cpuidModifiers
        self.msrModifiers = msrModifiers
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "CustomCpuTemplate", initial: CPUConfig(),
        [
            .defaulted("kvm_capabilities", \.kvmCapabilities, .array(of: .kvmCapability)),
            .defaulted("cpuid_modifiers", \.cpuidModifiers),
            .defaulted("msr_modifiers", \.msrModifiers),
        ])
}

/// Changes to one leaf of CPUID.
public struct CPUIDModifier: WireModel {
    /// With the prefix `0x` or `0b`.
    public var leaf: String
    /// With the prefix `0x` or `0b`.
    public var subleaf: String
    /// KVM's flags of the leaf.
    public var flags: UInt32
    /// The changes, one a register.
    public var modifiers: [CPUIDRegisterModifier]

    /// Each parameter sets the property of its name, which says what it means.
    public init(leaf: String, subleaf: String, flags: UInt32, modifiers: [CPUIDRegisterModifier]) {
        self.leaf = leaf
        self.subleaf = subleaf
        self.flags = flags
        self.modifiers = modifiers
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "CpuidLeafModifier", initial: CPUIDModifier(leaf: "0x0", subleaf: "0x0", flags: 0, modifiers: []),
        ignoresUnknownFields: true,
        [
            .required("leaf", \.leaf, .templateNumber),
            .required("subleaf", \.subleaf, .templateNumber),
            .required("flags", \.flags),
            .required("modifiers", \.modifiers),
        ])
}

/// Changes to one register of a leaf of CPUID.
public struct CPUIDRegisterModifier: WireModel {
    /// `eax`, `ebx`, `ecx` or `edx`.
    public var register: String
    /// From the highest bit down: `0`, `1`, or `x` for what stays.
    public var bitmap: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(register: String, bitmap: String) {
        self.register = register
        self.bitmap = bitmap
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "CpuidRegisterModifier", initial: CPUIDRegisterModifier(register: "eax", bitmap: "0b"),
        ignoresUnknownFields: true,
        [.required("register", \.register, .cpuidRegister), .required("bitmap", \.bitmap, .bitmap(bits: 32))])
}

/// Changes to one model-specific register.
public struct MSRModifier: WireModel {
    /// With the prefix `0x` or `0b`.
    public var addr: String
    /// From the highest bit down: `0`, `1`, or `x` for what stays.
    public var bitmap: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(addr: String, bitmap: String) {
        self.addr = addr
        self.bitmap = bitmap
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "RegisterModifier", initial: MSRModifier(addr: "0x0", bitmap: "0b"), ignoresUnknownFields: true,
        [.required("addr", \.addr, .templateNumber), .required("bitmap", \.bitmap, .bitmap(bits: 64))])
}

/// The forms of text in a ``CPUConfig``.
public enum CPUConfigTerm: Hashable, Sendable {
    /// The decimal number of a KVM capability, with `!` before it if it is not to be required.
    case kvmCapability
    /// A number of 32 bits with the prefix `0x` or `0b`.
    case number
    /// `eax`, `ebx`, `ecx` or `edx`.
    case register
    /// At most so many of `0`, `1` and `x`.
    case bitmap(bits: Int)

    /// Whether the text has this form.
    public func accepts(_ text: String) -> Bool {
        switch self {
        case .kvmCapability: Codec<String>.kvmCapability.accepts(text)
        case .number: Codec<String>.templateNumber.accepts(text)
        case .register: Codec<String>.cpuidRegister.accepts(text)
        case .bitmap(let bits): Codec<String>.bitmap(bits: bits).accepts(text)
        }
    }
}

extension Codec<String> {
    static let kvmCapability = text { (text) throws(JSONFault) in
        let number = text.utf8.first == UInt8(ascii: "!") ? text.dropFirst() : text[...]
        if let fault = RustNumberFault(parsing: number, radix: 10) {
            throw JSONFault(
                "Failed to parse string [\(text)] as a kvm capability - can not convert to numeric: \(fault.sentence)")
        }
        return text
    }

    static let templateNumber = text { (text) throws(JSONFault) in
        let radix: Int
        switch text.utf8.prefix(2).map({ $0 }) {
        case Array("0b".utf8): radix = 2
        case Array("0x".utf8): radix = 16
        default:
            throw JSONFault(
                "No supported number system prefix found in value [\(text)]. Make sure to prefix the number with '0x' "
                    + "for hexadecimal numbers or '0b' for binary numbers.")
        }
        if let fault = RustNumberFault(parsing: text.dropFirst(2), radix: radix) {
            throw JSONFault(
                "Failed to parse string [\(text)] as a number for CPU template - ParseIntError { kind: \(fault.rawValue) }"
            )
        }
        return text
    }

    static let cpuidRegister = text { (text) throws(JSONFault) in
        guard ["eax", "ebx", "ecx", "edx"].contains(text) else {
            throw JSONFault("Invalid CPUID register. Must be one of [eax, ebx, ecx, edx]")
        }
        return text
    }

    static func bitmap(bits: Int) -> Codec {
        text { (text) throws(JSONFault) in
            let digits = text.utf8.starts(with: "0b".utf8) ? text.utf8.dropFirst(2) : text.utf8[...]
            var count = 0
            for digit in digits.reversed() {
                if count == bits {
                    throw JSONFault("Failed to parse string [\(text)] as a bitmap - string is too long")
                }
                switch digit {
                case UInt8(ascii: "_"): continue
                case UInt8(ascii: "x"), UInt8(ascii: "0"), UInt8(ascii: "1"): count += 1
                default:
                    throw JSONFault("Failed to parse string [\(text)] as a bitmap - unknown character: \(digit)")
                }
            }
            return text
        }
    }
}

/// Why Rust does not take a text for a number of 32 bits.
private enum RustNumberFault: String {
    case empty = "Empty"
    case invalidDigit = "InvalidDigit"
    case tooLarge = "PosOverflow"

    init?(parsing text: Substring, radix: Int) {
        let digits = text.utf8.first == UInt8(ascii: "+") ? text.dropFirst() : text
        if text.isEmpty {
            self = .empty
        } else if digits.isEmpty || !digits.unicodeScalars.allSatisfy({ Self.isDigit($0, radix: radix) }) {
            self = .invalidDigit
        } else if UInt32(digits, radix: radix) == nil {
            self = .tooLarge
        } else {
            return nil
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar, radix: Int) -> Bool {
        switch radix {
        case 2: scalar == "0" || scalar == "1"
        case 10: ("0"..."9").contains(scalar)
        default: scalar.properties.isASCIIHexDigit
        }
    }

    var sentence: String {
        switch self {
        case .empty: "cannot parse integer from empty string"
        case .invalidDigit: "invalid digit found in string"
        case .tooLarge: "number too large to fit in target type"
        }
    }
}
