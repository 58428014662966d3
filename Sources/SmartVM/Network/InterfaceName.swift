internal import FirecrackerClient

/// Names of network interfaces.
enum InterfaceName {
    /// Bytes, as the kernel has it.
    static let maximumLength = 15

    /// Checks that a text can name an interface, a directory of /proc/sys and a part of a firewall table's name. That is stricter than
    /// the kernel, which forbids only white space, slashes and colons.
    ///
    /// - Throws: `INVALID_INTERFACE_NAME`.
    static func check(_ name: String) throws(SmartVMError) {
        let bytes = name.utf8
        let isWellFormed =
            (1...maximumLength).contains(bytes.count) && bytes.first.map(isAlphanumeric) == true
            && bytes.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
        // 'all' and 'default' are no interfaces where the kernel lists the settings of each.
        guard isWellFormed, name != "all", name != "default" else {
            throw SmartVMError(
                .invalidInterfaceName, "'\(name)' cannot name a network interface.",
                cure: "Give 1 to 15 letters, digits, '-', '_' or '.', a letter or digit first.")
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }
}
