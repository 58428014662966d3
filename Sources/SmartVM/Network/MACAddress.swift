internal import FirecrackerClient

/// An Ethernet address.
struct MACAddress: Hashable, Sendable {
    /// Six.
    let bytes: [UInt8]

    /// Reads `02:00:ac:1e:00:02`, upper or lower case.
    ///
    /// - Throws: `INVALID_MAC_ADDRESS`, also if it is not one station's: multicast, or all zeros.
    init(_ text: String) throws(SmartVMError) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let bytes = parts.compactMap { part -> UInt8? in
            guard part.count == 2, part.first != UInt8(ascii: "+"), part.first != UInt8(ascii: "-") else { return nil }
            return UInt8(Substring(part), radix: 16)
        }
        guard parts.count == 6, bytes.count == 6, bytes[0] & 1 == 0, bytes != [0, 0, 0, 0, 0, 0] else {
            throw SmartVMError(
                .invalidMACAddress, "'\(text)' cannot be the MAC address of a guest.",
                cure: "Give six bytes in hexadecimal, the first of them even, for example 02:00:ac:1e:00:02.")
        }
        self.bytes = bytes
    }

    /// A locally administered address that begins with 02 and continues with the first five bytes of `seed`.
    init(seed: some Sequence<UInt8>) {
        bytes = [2] + seed.prefix(5)
    }
}

extension MACAddress: CustomStringConvertible {
    /// Lower case, with colons.
    var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
