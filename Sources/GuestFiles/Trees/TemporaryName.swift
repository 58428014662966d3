/// What a file is called until it is whole.
enum TemporaryName {
    static func make() -> [UInt8] {
        Array(".smartvm-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))".utf8)
    }
}
