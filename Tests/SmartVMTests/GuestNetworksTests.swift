import Glibc
import Linux
import Testing

@testable import SmartVM

/// What is written down of networks; nothing is made on the host.
@Suite("Networks of sandboxes")
struct GuestNetworksTests {
    private func withManager(_ body: (SandboxManager) async throws -> Void) async throws {
        let directory = try TestDirectory()
        try await body(try SmartVM(SmartVMOptions(dataDir: directory.path)).sandboxes)
    }

    private func code(_ body: () async throws -> Void) async -> SmartVMError.Code? {
        do { try await body() } catch let error as SmartVMError { return error.code } catch {}
        return nil
    }

    @Test("they are made, listed and removed; the default one is always there")
    func life() async throws {
        try await withManager { manager in
            let before = try await manager.listNetworks()
            #expect(before.map(\.name) == ["default"] && before.first?.bridge == "svbr0")
            let back = try await manager.createNetwork(NetworkConfig(name: "back", isolatesGuests: true))
            let lab = try await manager.createNetwork(NetworkConfig(name: "lab", subnet: "10.213.7.9/24"))
            #expect(back.isolatesGuests && back.subnet.hasPrefix("172.30.") && back.members == [])
            #expect(lab.subnet == "10.213.7.0/24" && lab.gateway == "10.213.7.1")
            let all = try await manager.listNetworks()
            #expect(all.map(\.name) == ["default", "back", "lab"])
            #expect(Set(all.map(\.bridge)).count == 3 && Set(all.map(\.subnet)).count == 3)
            for network in all { #expect(throws: Never.self) { try InterfaceName.check(network.bridge) } }
            let refusals: [(SmartVMError.Code?, NetworkConfig)] = [
                (.networkExists, NetworkConfig(name: "lab")), (.networkExists, NetworkConfig(name: "default")),
                (.subnetInUse, NetworkConfig(name: "x", subnet: "10.213.7.128/25")),
                (.subnetInUse, NetworkConfig(name: "x", subnet: "10.0.0.0/8")),
                (.invalidSubnet, NetworkConfig(name: "x", subnet: "127.0.0.0/24")),
                (.invalidConfiguration, NetworkConfig(name: "none")),
                (.invalidConfiguration, NetworkConfig(name: "a/b")),
                (.invalidConfiguration, NetworkConfig(name: "")), (.invalidConfiguration, NetworkConfig(name: ".x")),
            ]
            for (wanted, config) in refusals {
                #expect(await code { try await manager.createNetwork(config) } == wanted, "\(config)")
            }
            try await manager.removeNetwork("back")
            #expect(await code { try await manager.removeNetwork("back") } == .noSuchNetwork)
            #expect(await code { try await manager.removeNetwork("default") } == .invalidConfiguration)
            #expect(await code { _ = try await manager.getNetwork("back") } == .noSuchNetwork)
        }
    }

    @Test("several that are made at once get subnets and bridges of their own")
    func atOnce() async throws {
        try await withManager { manager in
            let networks = try await withThrowingTaskGroup(of: NetworkInfo.self) { group in
                for number in 0..<8 {
                    group.addTask { try await manager.createNetwork(NetworkConfig(name: "n\(number)")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(networks.map(\.subnet)).count == 8 && Set(networks.map(\.bridge)).count == 8)
        }
    }

    @Test("the options of the manager are the default network's, and no other's")
    func options() async throws {
        let directory = try TestDirectory()
        let options = NetworkManagerOptions(
            isolatesGuests: true, openHostPorts: [8080], nameServers: ["192.0.2.53"])
        let networks = GuestNetworks(
            options, store: Store(path: "\(directory.path)/smartvm.db"), dataDirectory: directory.path)
        let settings = try networks.defaultSettings()
        #expect(settings.isolatesGuests && settings.openHostPorts == [8080])
        #expect(settings.effectiveNameServers.map { "\($0)" } == ["192.0.2.53"])
        #expect(networks.nameServers(of: "default") == ["192.0.2.53"])
        let other = try networks.settings(try networks.create(NetworkConfig(name: "other")))
        #expect(!other.isolatesGuests && other.openHostPorts == [] && other.nameServers == nil)
        #expect(networks.nameServers(of: "other") == HostResolver.ownServers())
        #expect(try networks.all().map(\.isolatesGuests) == [true, false])
    }

    @Test("who looks does not wait for a process that keeps the network's lock; waiting takes no thread from others")
    func busy() async throws {
        let directory = try TestDirectory()
        let store = Store(path: "\(directory.path)/smartvm.db")
        let networks = GuestNetworks(NetworkManagerOptions(), store: store, dataDirectory: directory.path)
        // As a killed start has left it.
        let gone = ProcessIdentity(pid: 7, startTime: 9, bootID: "boot")
        for namespace in [try NetworkNamespace.current(), "1"] {
            let tap = LeaseRecord.Tap(vm: "a", interface: "eth0", name: "svnone", mac: "m")
            _ = try store.lease(
                in: NetworkKey(namespace: namespace, bridge: "br0"), addresses: 2...4, owner: gone, tap: tap)
        }
        let held = try FileLock("\(directory.path)/network.lock")
        let error = await #expect(throws: SmartVMError.self) { try await networks.takeBack() }
        #expect(error?.code == .networkBusy)
        // More than the pool has threads.
        let waiting = (0..<40).map { _ in
            Task { try await BlockingWork.wait { try networks.lock.blocking {} } }
        }
        for _ in 0..<40 { #expect(try await BlockingWork.run { 1 } == 1) }
        // The kernel gives the lock to others when this goes away.
        _ = consume held
        for task in waiting { try await task.value }
        try await networks.takeBack()
        let here = try NetworkNamespace.current()
        #expect(try !store.networkState().leases.contains { $0.key.namespace == here })
        // Those of another namespace are its own processes' business, and no reason to look again.
        try store.delete(leases: try store.leases(ofVM: "a").filter { $0.key.namespace != "1" }.map(\.id))
        let other = try FileLock("\(directory.path)/network.lock")
        try await networks.takeBack()
        withExtendedLifetime(other) {}
    }

    @Test("one that a VM is to be in stays, and one that is not there is no VM's")
    func use() async throws {
        try await withManager { manager in
            try await manager.createNetwork(NetworkConfig(name: "back"))
            var config = SandboxConfig(vm: VMConfig(id: "web", image: "minimal"), networks: ["default", "back"])
            let sandbox = try await manager.create(config)
            #expect(await code { try await manager.removeNetwork("back") } == .networkInUse)
            try await sandbox.remove()
            try await manager.removeNetwork("back")
            config.vm.id = "shop"
            #expect(await code { _ = try await manager.create(config) } == .noSuchNetwork)
            let left = try await manager.list(all: true)
            #expect(left == [])
        }
    }

    @Test("a VM gets its address again, and another VM gets it only when no other is left")
    func usualAddresses() throws {
        let store = Store(path: nil)
        let key = NetworkKey(namespace: "1", bridge: "br0")
        let owner = try ProcessIdentity(of: getpid())
        func lease(_ vm: String) throws -> LeaseRecord? {
            let tap = LeaseRecord.Tap(vm: vm, interface: "eth0", name: "sv\(vm)", mac: "mac\(vm)", names: [vm])
            return try store.lease(in: key, addresses: 2...4, owner: owner, tap: tap, isUsual: true)
        }
        let first = try lease("a")
        #expect(first?.address == 2 && first?.tap?.names == ["a"])
        try store.delete(leases: [first?.id ?? 0])
        #expect(try lease("b")?.address == 3)
        #expect(try lease("a")?.address == 2)
        #expect(try lease("c")?.address == 4)
        #expect(try lease("d") == nil)
        try store.delete(leases: try store.leases(ofVM: "a").map(\.id))
        #expect(try lease("d")?.address == 2)
    }

    @Test("a VM's leases are its supervisor's at the moment that the supervisor is, and its ports go with its life")
    func owners() throws {
        let store = Store(path: nil)
        let supervisor = ProcessIdentity(pid: 7, startTime: 9, bootID: "boot")
        let record = VMRecord(
            id: "0123456789ab", name: "web", phase: .idle, config: "{}", image: "", command: "", machineID: "",
            createdAt: 1)
        try store.insert(record)
        let tap = LeaseRecord.Tap(vm: record.id, interface: "eth0", name: "sv1", mac: "m", names: ["web"])
        _ = try store.lease(
            in: NetworkKey(namespace: "1", bridge: "br0"), addresses: 2...4, owner: try ProcessIdentity(of: getpid()),
            tap: tap, isUsual: true)
        let port = ConnectionRecord.Port(transport: "tcp", hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80)
        try store.update(
            vm: record.id, connection: .begin(owner: supervisor, ports: [port], problem: "none")
        ) { $0.phase = .active }
        #expect(try Set(store.networkState().leases.map(\.owner)) == [supervisor])
        #expect(try store.vmConnections()[record.id]?.ports == [port])
        #expect(try store.vmConnections(of: record.id)[record.id]?.problem == "none")
        // Between the two steps of a new name both files are the VM's own.
        try store.update(vm: record.id, connection: .rename(to: "shop")) { $0.name = "shop" }
        #expect(try store.leases(ofVM: record.id).first?.tap?.names == ["web", "shop"])
        try store.setNames(["shop"], ofVM: record.id)
        try store.update(vm: record.id, connection: .end) { $0.phase = .idle }
        let rest = try store.vmConnections()[record.id]
        #expect(rest?.ports == [] && rest?.problem == nil && rest?.leases.first?.tap?.names == ["shop"])
    }

    @Test("a file with a name is removed with the address that it leads to, and not with another")
    func names() throws {
        let directory = try TestDirectory()
        let names = GuestNames(NetworkKey(namespace: "1", bridge: "br0"), in: directory.path)
        let path = try #require(names.path)
        try names.write(["web", "shop"], address: 0xac1e_0002)
        #expect(try File.readText("\(path)/web") == "172.30.0.2\n")
        try names.write(["web"], address: 0xac1e_0003)
        names.remove(["web", "shop", "never"], address: 0xac1e_0002)
        #expect(try FileTree.names(at: path) == ["web"])
        names.removeNames()
        #expect(!FileTree.exists(path))
    }
}
