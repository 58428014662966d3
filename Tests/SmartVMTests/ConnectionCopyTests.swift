import Glibc
import Linux
import Testing

@testable import SmartVM

/// What a VM has in networks, after the database was lost; nothing is made on the host.
@Suite("Copies of connections")
struct ConnectionCopyTests {
    private let key = NetworkKey(namespace: "1", bridge: "br0")

    private func lease(_ vm: String, _ store: Store, _ addresses: ClosedRange<UInt32>) throws -> LeaseRecord? {
        let tap = LeaseRecord.Tap(
            vm: vm, interface: "eth0", name: "sv\(vm)", mac: "mac\(vm)", names: [vm], egress: "deny",
            resolver: "172.30.0.1:1053")
        return try store.lease(
            in: key, addresses: addresses, owner: try ProcessIdentity(of: getpid()), tap: tap, isUsual: true)
    }

    @Test("an empty database gets from one all that it had, once, and what others have meanwhile stays theirs")
    func round() throws {
        let directory = try TestDirectory()
        let copies = ConnectionCopies(dataDirectory: directory.path)
        let before = Store(path: nil)
        try before.put(
            NetworkRecord(key: key, subnet: "172.30.0.0/24", previousForwarding: false, bootID: "boot"))
        _ = try lease("other", before, 2...9)
        _ = try lease("a", before, 2...9)
        var copy = try #require(try before.connectionCopy(ofVM: "a"))
        copy.ports = [.init(transport: "tcp", hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80)]
        try copies.write(copy)
        #expect(copies.names() == ["a"])
        let read = try #require(copies.copy(ofVM: "a"))
        #expect(read == copy)

        let after = Store(path: nil)
        for _ in 0..<2 {
            #expect(try after.takeIn(read))
            #expect(try after.leases(ofVM: "a") == before.leases(ofVM: "a"))
            #expect(try after.networkState().networks == before.networkState().networks)
            #expect(try after.vmConnections()["a"]?.ports == copy.ports)
        }
        // The address is its usual one again, too.
        try after.delete(leases: try after.leases(ofVM: "a").map(\.id))
        #expect(try lease("a", after, 2...9)?.address == 3)

        let taken = Store(path: nil)
        _ = try lease("b", taken, 3...3)
        #expect(try !taken.takeIn(read))
        #expect(try taken.leases(ofVM: "a") == [] && taken.vmConnections()["a"] == nil)
        copies.remove(ofVM: "a")
        #expect(copies.names() == [])
    }

    @Test("a file that is no copy is none, nor is another VM's")
    func bad() throws {
        let directory = try TestDirectory()
        let copies = ConnectionCopies(dataDirectory: directory.path)
        let store = Store(path: nil)
        _ = try lease("a", store, 2...9)
        var copy = try #require(try store.connectionCopy(ofVM: "a"))
        try copies.write(copy)
        try File.write(Array("{".utf8), to: "\(directory.path)/networks/running/b")
        try File.move("\(directory.path)/networks/running/a", to: "\(directory.path)/networks/running/c")
        #expect(copies.copy(ofVM: "a") == nil && copies.copy(ofVM: "b") == nil && copies.copy(ofVM: "c") == nil)
        copy.owner = "nobody"
        #expect(try !Store(path: nil).takeIn(copy))
    }
}
