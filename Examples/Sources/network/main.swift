// Two VMs on a network: one offers a line of text, the other fetches it. Needs the right to make network interfaces (root).
import SmartVM

let smartVM = try SmartVM(SmartVMOptions(bridgeName: "svexample0", subnet: "172.31.250.0/24"))
let config = VMConfig(image: "minimal", networkInterfaces: [.init(ifaceId: "eth0")])

try await smartVM.withVM(config) { server in
    let shown = try await server.exec(["ip", "-4", "-o", "address", "show", "dev", "eth0"]).standardOutput
    // … inet 172.31.250.2/24 …
    let fields = shown.split(whereSeparator: { $0 == " " || $0 == "/" })
    guard let inet = fields.firstIndex(of: "inet") else { fatalError("The guest has no address: \(shown)") }
    let address = String(fields[inet + 1])
    try await server.writeFile("/tmp/page", Array("Hello from \(server.id).\n".utf8))
    _ = try await server.exec(["sh", "-c", "(nc -l -p 8000 < /tmp/page > /dev/null 2>&1 &)"])

    try await smartVM.withVM(config) { client in
        let page = try await client.exec(["sh", "-c", "nc \(address) 8000 < /dev/null"])
        print(page.standardOutput + page.standardError, terminator: "")
    }
}
