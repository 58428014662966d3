import Linux
import Testing

@testable import SmartVM

@Suite("Published ports")
struct PublishedPortTests {
    @Test(
        "ports are read as docker writes them",
        arguments: [
            ("8080:80", "127.0.0.1:8080:80/tcp"), ("80", "127.0.0.1:0:80/tcp"), (":80", "127.0.0.1:0:80/tcp"),
            ("0:80", "127.0.0.1:0:80/tcp"), ("0.0.0.0:8080:80", "0.0.0.0:8080:80/tcp"),
            ("127.0.0.1::53/udp", "127.0.0.1:0:53/udp"), ("[::1]:8080:80/tcp", "[::1]:8080:80/tcp"),
            ("[::]::80", "[::]:0:80/tcp"), ("5353:53/udp", "127.0.0.1:5353:53/udp"),
        ])
    func reading(text: String, whole: String) throws {
        let port = try PublishedPort(text)
        #expect(port.description == whole)
        #expect(try PublishedPort(whole) == port)
    }

    @Test(
        "what cannot be published is refused with the reason and a cure",
        arguments: [
            ("", "no port of the guest"), ("8080:", "no port of the guest"), ("8080:0", "no port of the guest"),
            ("8080:65536", "no port of the guest"), ("65536:80", "no port of the host"),
            ("x:80", "no port of the host"),
            ("-1:80", "ranges"), ("80-90:80", "ranges"), ("8080:80/sctp", "neither tcp nor udp"),
            ("localhost:8080:80", "no IP address"), ("1.2.3:8080:80", "no IP address"), ("::1:8080:80", "brackets"),
            ("[::1]8080:80", "bracket"), ("[::1:8080:80", "bracket"), ("[x]:8080:80", "no IP address"),
            ("[::1]:1:2:3", "too many parts"), ("+8:80", "no port of the host"),
        ])
    func refusals(text: String, reason: String) {
        let error = #expect(throws: SmartVMError.self) { try PublishedPort(text) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains(reason) == true, "\(error as Any)")
        #expect(error?.cure != nil)
    }

    @Test("a socket has the port that it was given or drew, and a taken one is named", arguments: ["tcp", "udp"])
    func sockets(transport: String) throws {
        let first = try PortSocket(try PublishedPort(":80/\(transport)"))
        #expect(first.port.hostPort != 0 && first.port.guestPort == 80)
        let error = #expect(throws: SmartVMError.self) { try PortSocket(first.port) }
        #expect(error?.code == .portInUse && error?.message.contains(first.port.hostText) == true)
        let elsewhere = #expect(throws: SmartVMError.self) {
            try PortSocket(try PublishedPort("192.0.2.77:8080:80/\(transport)"))
        }
        #expect(elsewhere?.message.contains("192.0.2.77 is no address of this host") == true, "\(elsewhere as Any)")
    }

    @Test("all addresses of IPv6 are not those of IPv4", arguments: ["tcp", "udp"])
    func families(transport: String) throws {
        guard File.exists("/proc/net/if_inet6") else { return }
        let six = try PortSocket(try PublishedPort("[::]::80/\(transport)"))
        let four = try PortSocket(try PublishedPort("0.0.0.0:\(six.port.hostPort):80/\(transport)"))
        #expect(four.port.hostPort == six.port.hostPort)
    }

    @Test("what makes no sense together is refused")
    func combinations() throws {
        func code(_ change: (inout SandboxConfig) throws -> Void) rethrows -> SmartVMError.Code? {
            var config = SandboxConfig(vm: VMConfig(id: "a", image: "minimal"))
            try change(&config)
            do throws(SmartVMError) { try config.checkNetworks() } catch { return error.code }
            return nil
        }
        let port = try PublishedPort("8080:80")
        #expect(code { $0.ports = [port] } == nil)
        #expect(try code { $0.ports = [port, try PublishedPort("8080:81/udp"), try PublishedPort(":80")] } == nil)
        #expect(try code { $0.ports = [port, try PublishedPort("8080:81")] } == .invalidConfiguration)
        #expect(
            code { config in
                config.networks = []
                config.ports = [port]
            } == .invalidConfiguration)
        #expect(code { $0.networks = ["back", "back"] } == .invalidConfiguration)
        #expect(code { $0.vm.networkInterfaces = [.init(ifaceId: "eth0")] } == nil)
        #expect(code { $0.vm.networkInterfaces = [.init(ifaceId: "a"), .init(ifaceId: "b")] } == .invalidConfiguration)
        #expect(
            code { config in
                config.networks = []
                config.vm.networkInterfaces = [.init(ifaceId: "eth0")]
            } == .invalidConfiguration)
    }
}
