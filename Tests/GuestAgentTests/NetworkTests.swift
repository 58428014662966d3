import GuestProtocol
import Linux
import Testing

@testable import GuestAgent

@Suite("Network")
struct NetworkTests {
    @Test("requests have the bytes that rtnetlink defines")
    func bytes() {
        var add = LinkRequests.add(LinkAddress(linkIndex: 2, bytes: [172, 16, 0, 2], prefixLength: 30))
        add.sequence = 7
        #expect(
            add.bytes == [
                48, 0, 0, 0, 20, 0, 5, 5, 7, 0, 0, 0, 0, 0, 0, 0,
                2, 30, 0, 0, 2, 0, 0, 0,
                8, 0, 2, 0, 172, 16, 0, 2,
                8, 0, 1, 0, 172, 16, 0, 2,
                8, 0, 4, 0, 172, 16, 0, 3,
            ])
        #expect(
            LinkRequests.change(3, isUp: true, mtu: 1400, macAddress: [1, 2, 3, 4, 5, 6]).bytes == [
                52, 0, 0, 0, 16, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
                10, 0, 1, 0, 1, 2, 3, 4, 5, 6, 0, 0,
                8, 0, 4, 0, 120, 5, 0, 0,
            ])
        #expect(
            LinkRequests.defaultRoute(by: [172, 16, 0, 1], linkIndex: 2).bytes == [
                44, 0, 0, 0, 24, 0, 5, 5, 0, 0, 0, 0, 0, 0, 0, 0,
                2, 0, 0, 0, 254, 3, 0, 1, 4, 0, 0, 0,
                8, 0, 5, 0, 172, 16, 0, 1,
                8, 0, 4, 0, 2, 0, 0, 0,
            ])
    }

    @Test("what the kernel reports is read")
    func reports() {
        var message = NetlinkMessage(kind: NetlinkMessage.Kind.newLink, flags: 0)
        message.payload = [0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        message.appendAttribute(3, Array("eth0\0".utf8))
        message.appendAttribute(1, [6, 0, 0xac, 16, 0, 2])
        let messages = NetlinkMessage.messages(in: message.bytes + message.bytes + [1, 2, 3])
        #expect(messages == [message, message])
        let link = messages.first.flatMap { Link($0) }
        #expect(link?.index == 2)
        #expect(link?.name == "eth0")
        #expect(link?.macAddress == Link.parseMAC("06:00:AC:10:00:02"))

        let address = LinkAddress(linkIndex: 2, bytes: [172, 16, 0, 2], prefixLength: 30)
        #expect(LinkAddress(LinkRequests.add(address)) == address)
    }

    @Test("random bytes are read without harm")
    func random() {
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0..<96)).map { _ in UInt8.random(in: 0...255) }
            if bytes.count > 22 {
                bytes[0...3] = [UInt8(bytes.count), 0, 0, 0]
                bytes[4...5] = [Bool.random() ? 16 : 20, 0]
            }
            for message in NetlinkMessage.messages(in: bytes) {
                _ = Link(message)
                _ = LinkAddress(message)
            }
        }
    }

    @Test(
        "MAC addresses are six bytes",
        arguments: ["", "06:00:ac:10:00", "06:00:ac:10:00:2", "06:00:ac:10:00:0g", "+6:00:ac:10:00:02"])
    func badMAC(_ text: String) {
        #expect(Link.parseMAC(text) == nil)
    }

    @Test("name files keep what was there, and one line of ours")
    func files() throws {
        let server = try #require(IPAddress("10.0.0.1"))
        #expect(
            NameFiles.resolver(nameServers: [server], searchDomains: ["a.org", "b.org"])
                == "search a.org b.org\nnameserver 10.0.0.1\n")
        let first = NameFiles.hosts("127.0.0.1 localhost\n10.0.0.9 db\n", hostname: "one")
        #expect(first == "127.0.0.1 localhost\n10.0.0.9 db\n127.0.1.1 one # smartvm\n")
        #expect(
            NameFiles.hosts(first, hostname: "two") == "127.0.0.1 localhost\n10.0.0.9 db\n127.0.1.1 two # smartvm\n")
        #expect(NameFiles.hosts("", hostname: "x").hasPrefix("127.0.0.1 localhost\n"))
    }
}
