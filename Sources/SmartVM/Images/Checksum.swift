internal import Crypto
internal import Glibc
internal import Linux

/// SHA-256 of files.
enum Checksum {
    /// In hexadecimal.
    static func sha256(ofFile path: String) throws(Errno) -> String {
        let file = try Descriptor.open(path, O_RDONLY)
        var hash = SHA256()
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let value = file.rawValue
            let count = try systemCall { chunk.withUnsafeMutableBytes { read(value, $0.baseAddress, $0.count) } }
            if count == 0 { break }
            chunk.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
