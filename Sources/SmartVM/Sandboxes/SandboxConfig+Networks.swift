internal import FirecrackerClient

extension SandboxConfig {
    /// Those of its interfaces that are in its networks.
    var networkedInterfaces: [VMConfig.NetworkInterface] { vm.networkInterfaces.filter { $0.hostDevName == nil } }

    /// Whether it cannot do without a network.
    var requiresNetwork: Bool {
        networks?.isEmpty == false || !ports.isEmpty || !egress.isOpen || !networkedInterfaces.isEmpty
    }

    /// - Throws: `INVALID_CONFIG`, with what is wrong about its networks, ports and rules.
    func checkNetworks() throws(SmartVMError) {
        try egress.check()
        let networks = networks ?? [DefinedNetworkRecord.defaultName]
        if let twice = networks.first(where: { name in networks.count(where: { $0 == name }) > 1 }) {
            throw SmartVMError(.invalidConfiguration, "The network \(twice) is named twice.", cure: "Name it once.")
        }
        let interfaces = networkedInterfaces
        if interfaces.count > networks.count {
            throw SmartVMError(
                .invalidConfiguration,
                "The interface \(interfaces[networks.count].ifaceId) names no TAP, and there is no network for it.",
                cure: networks.isEmpty
                    ? "Name a network in place of none, or a TAP that is there (hostDevName)."
                    : "Name a network for each such interface, or a TAP that is there (hostDevName).")
        }
        guard networks.count <= 8 else {
            throw SmartVMError(.invalidConfiguration, "A VM can be in 8 networks at most, not in \(networks.count).")
        }
        if networks.isEmpty, let port = ports.first {
            throw SmartVMError(
                .invalidConfiguration, "The port \(port) cannot be published: the VM has no network.",
                cure: "Leave --network none out, or name a network.")
        }
        guard ports.count <= 256 else {
            throw SmartVMError(.invalidConfiguration, "\(ports.count) published ports are more than 256.")
        }
        for (index, port) in ports.enumerated() where port.hostPort != 0 {
            let isTwice = ports[..<index].contains {
                $0.hostPort == port.hostPort && $0.transport == port.transport && $0.hostAddress == port.hostAddress
            }
            guard !isTwice else {
                throw SmartVMError(
                    .invalidConfiguration, "The port \(port.hostText)/\(port.transport.rawValue) is published twice.",
                    cure: "Choose another port of the host for one of the two.")
            }
        }
    }
}
