/// The modules of one kernel, as its `modules.dep` lists them: each with all that it needs.
struct KernelModules: Hashable, Sendable {
    /// Paths below /lib/modules/RELEASE, by the module's name.
    private let paths: [String: String]
    /// What each path needs, nearest first, as depmod(8) writes it.
    private let needs: [String: [String]]

    /// - Parameter dependencies: The text of modules.dep.
    init(dependencies: String) {
        var paths: [String: String] = [:]
        var needs: [String: [String]] = [:]
        for line in dependencies.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let path = String(line[..<colon])
            paths[Self.name(of: path)] = path
            needs[path] = line[line.index(after: colon)...].split(separator: " ").map(String.init)
        }
        self.paths = paths
        self.needs = needs
    }

    /// A module's name, in which `-` and `_` are the same: `virtio_rng` for `kernel/…/virtio-rng.ko`.
    static func name(of path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.prefix { $0 != "." }.map { $0 == "-" ? "_" : $0 })
    }

    /// The paths of modules and of everything they need, in an order in which each can be loaded. A module that this kernel does
    /// not have as a file is left out: then it is part of the kernel, or the kernel is one without it.
    func loadOrder(_ names: [String]) -> [String] {
        var order: [String] = []
        for name in names {
            guard let path = paths[name] else { continue }
            for path in needs[path, default: []].reversed() + [path] where !order.contains(path) {
                order.append(path)
            }
        }
        return order
    }

    /// The names of the modules at some paths.
    func names(of paths: [String]) -> [String] {
        paths.map(Self.name)
    }

    /// The lines of modules.dep for some paths.
    func dependencies(of chosen: [String]) -> String {
        chosen.map { "\($0):\(needs[$0, default: []].map { " \($0)" }.joined())\n" }.joined()
    }

    /// The module without the signature that the kernel's build has appended.
    ///
    /// A signature is checked at each load (SHA-256 and RSA: half the time of loading a module in an emulated CPU), and vouches for
    /// nothing here: what loads is what apt has verified, in a file that only its owner writes. The kernel marks itself as tainted.
    static func withoutSignature(_ module: [UInt8]) -> [UInt8] {
        let marker = Array("~Module signature appended~\n".utf8)
        // struct module_signature: 12 bytes, of which the last four are the length of the signature before it, big endian.
        guard module.count > marker.count + 12, module.suffix(marker.count).elementsEqual(marker) else { return module }
        let end = module.count - marker.count
        let length = module[(end - 4)..<end].reduce(0) { $0 << 8 | Int($1) }
        guard length <= end - 12 else { return module }
        return Array(module[..<(end - 12 - length)])
    }
}
