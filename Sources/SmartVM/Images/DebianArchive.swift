internal import FirecrackerClient
internal import Linux

/// Debian's packages, by way of the host's apt: its sources, its keys, its proxies, but a state of its own.
///
/// apt verifies what it downloads against the archive's signature; nothing here weakens that. Its lists and caches live in a directory
/// of the caller's, so that no privilege is needed and the host's apt neither waits nor changes. The host's configuration is taken
/// over without its hooks, which are meant for the host.
struct DebianArchive: Sendable {
    /// Holds lists, caches and packages; made by ``prepare()``, removed by the caller.
    let directory: String

    private var apt: Tool { .aptGet.with(["APT_CONFIG": configuration]) }
    private var aptCache: Tool { .aptCache.with(["APT_CONFIG": configuration]) }
    private var configuration: String { "\(directory)/apt.conf" }

    init(directory: String) {
        self.directory = directory
    }

    /// Makes the directory and its configuration.
    func prepare() async throws {
        for part in ["state/lists/partial", "cache/archives/partial", "packages"] {
            try FileTree.makeDirectories("\(directory)/\(part)")
        }
        // Only what is installed on the host could matter to apt here, and it must not.
        try File.write([], to: "\(directory)/state/status")
        let host = try await Tool.aptConfig.run(["dump"])
        let kept = host.split(separator: "\n").filter { !$0.contains("-Invoke") && !$0.hasPrefix("DPkg::") }
        let own = """
            Dir::Etc::main "/dev/null";
            Dir::Etc::parts "/dev/null";
            Dir::State "\(directory)/state";
            Dir::State::lists "lists/";
            Dir::State::status "\(directory)/state/status";
            Dir::Cache "\(directory)/cache";
            Dir::Cache::archives "archives/";
            APT::Status-Fd "1";
            APT::Sandbox::User "";
            APT::Get::AllowUnauthenticated "false";
            Acquire::AllowInsecureRepositories "false";
            Acquire::Languages "none";
            """
        try File.write(Array((kept.joined(separator: "\n") + "\n" + own + "\n").utf8), to: configuration)
    }

    /// Gets the lists of packages.
    ///
    /// - Parameter progress: Receives the part that is done, from 0 to 1.
    func update(progress: @escaping @Sendable (Double) -> Void) async throws {
        try await apt.run(["-qq", "update"], line: { Self.report($0, to: progress) })
    }

    /// The first package that `package` depends on whose name starts with `prefix`.
    func dependency(of package: String, startingWith prefix: String) async throws -> String {
        let record: String
        do {
            record = try await aptCache.run(["show", "--no-all-versions", package])
        } catch let error as SmartVMError where error.code == .programFailed {
            // apt-get update only warns of sources that it cannot reach.
            throw SmartVMError(
                .imageBuildFailed, "Debian's package \(package) is in none of the lists that apt could get.",
                cure: "`sudo apt-get update` has the same sources, and says what is wrong with them.", underlying: error
            )
        }
        guard let name = Self.dependency(inRecord: record, startingWith: prefix) else {
            throw SmartVMError(
                .imageBuildFailed, "Debian's package \(package) does not depend on any \(prefix)*.",
                cure: "Check the sources in /etc/apt: they should be those of a Debian release.")
        }
        return name
    }

    /// The name of a dependency in a record of a package list.
    static func dependency(inRecord record: String, startingWith prefix: String) -> String? {
        for line in record.split(separator: "\n") where line.hasPrefix("Depends:") {
            for alternative in line.dropFirst("Depends:".count).split(whereSeparator: { $0 == "," || $0 == "|" }) {
                let name = alternative.drop { $0 == " " }.prefix { $0 != " " && $0 != "(" && $0 != ":" }
                if name.hasPrefix(prefix) { return String(name) }
            }
        }
        return nil
    }

    /// Downloads packages and unpacks them all into one tree.
    ///
    /// - Returns: Each as `name=version`.
    func unpack(
        _ packages: [String], into tree: String, progress: @escaping @Sendable (Double) -> Void
    ) async throws -> [String] {
        let store = "\(directory)/packages"
        try await apt.run(["-qq", "download"] + packages, in: store, line: { Self.report($0, to: progress) })
        try FileTree.makeDirectories(tree)
        var identities: [String] = []
        for file in try FileTree.names(at: store) where file.hasSuffix(".deb") {
            identities.append(
                try await Tool.dpkgDeb.run(["--show", "--showformat=${Package}=${Version}", "\(store)/\(file)"]))
            try await Tool.dpkgDeb.run(["-x", "\(store)/\(file)", tree])
            try FileTree.removeAll("\(store)/\(file)")
        }
        return identities
    }

    /// apt's lines are `dlstatus:ITEM:PERCENT:WORDS`.
    private static func report(_ line: String, to progress: @Sendable (Double) -> Void) {
        let fields = line.split(separator: ":", maxSplits: 3)
        if fields.count == 4, fields[0] == "dlstatus", let percent = Double(fields[2]) { progress(percent / 100) }
    }
}
