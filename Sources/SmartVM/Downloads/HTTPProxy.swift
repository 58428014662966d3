internal import FoundationEssentials

/// The proxy that the environment names for an address, as curl reads it.
struct HTTPProxy: Hashable, Sendable {
    var host: String
    var port: Int

    /// `https_proxy` or `http_proxy`, in either case, unless `no_proxy` has the host or a domain above it. `HTTP_PROXY` is left
    /// alone, since a CGI server sets it from a header of its client.
    init?(for url: HTTPURL, environment: HostEnvironment) {
        let names = url.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
        guard let value = (names + ["all_proxy", "ALL_PROXY"]).lazy.compactMap({ environment.value($0) }).first,
            !Self.isExcepted(url.host, environment.value("no_proxy") ?? environment.value("NO_PROXY") ?? "")
        else { return nil }
        let proxy = URL(string: value.contains("://") ? value : "http://\(value)")
        guard let proxy, let host = proxy.host(percentEncoded: false), !host.isEmpty, HTTPURL.hasUsablePort(proxy)
        else {
            return nil
        }
        self.host = host
        port = proxy.port ?? 3128
    }

    private static func isExcepted(_ host: String, _ list: String) -> Bool {
        list.split(whereSeparator: { $0 == "," || $0 == " " }).contains { entry in
            let domain = entry.hasPrefix(".") ? entry.dropFirst() : entry
            return entry == "*" || host == domain || host.hasSuffix(".\(domain)")
        }
    }
}
