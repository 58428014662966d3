import GuestProtocol
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "are read and written as usual",
        arguments: [
            "192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2:3", "1:2:3:4:5:6:7:8",
            "1::",
        ])
    func canonical(_ text: String) throws {
        #expect(try #require(IPAddress(text)).description == text)
    }

    @Test("have their bytes in network order")
    func bytes() {
        #expect(IPAddress("192.0.2.1")?.bytes == [192, 0, 2, 1])
        #expect(IPAddress("2001:db8::1")?.bytes == [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(IPAddress("::ffff:1.2.3.4")?.bytes.suffix(6) == [255, 255, 1, 2, 3, 4])
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test(
        "what is none is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "+1.2.3.4", ":", ":::", "1::2::3", "12345::",
            "g::",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "::1.2.3", "+1::", "1.2.3.4::",
        ])
    func refused(_ text: String) {
        #expect(IPAddress(text) == nil)
    }
}
