public import FirecrackerAPI
internal import FirecrackerClient
internal import Linux

extension VMM {
    /// The release of Firecracker whose API the program serves, as it says itself (`--version`).
    ///
    /// A program that has been asked once is not asked again for as long as its file stays the same: the answer is kept in the data
    /// directory.
    ///
    /// - Throws: `VMM_NOT_FOUND` if there is no such program; `VMM_FAILED` if it does not say which release it is;
    ///   `CancellationError`.
    public func version(in dataDirectory: DataDirectory) async throws -> FirecrackerVersion {
        let identity: String
        do throws(Errno) {
            let status = try FileStatus(of: path)
            identity = "\(status.device)-\(status.inode)-\(status.size)-\(status.changed)"
        } catch {
            throw SmartVMError(.vmmNotFound, "The VMM \(path) cannot be read: \(error).", underlying: error)
        }
        if let known = Self.known(identity, in: dataDirectory.vmmVersionsPath) { return known }
        let version = try await askedVersion()
        Self.remember(version, of: identity, in: dataDirectory.vmmVersionsPath)
        return version
    }

    private func askedVersion() async throws -> FirecrackerVersion {
        let output: String
        do {
            output = try await Tool(name: path, purpose: "run VMs", package: "").run(["--version"])
        } catch let error as SmartVMError {
            throw SmartVMError(
                .vmmFailed, "The VMM \(path) does not say which release of Firecracker it is: \(error.message)",
                cure: Self.cure, underlying: error)
        }
        guard let version = FirecrackerVersion(programOutput: output) else {
            throw SmartVMError(
                .vmmFailed,
                "The VMM \(path) does not say which release of Firecracker it is: "
                    + "its --version printed no line 'Firecracker v1.16.1'.",
                cure: Self.cure)
        }
        return version
    }

    private static let cure = "Give --vmm firecracker, --vmm qemu, or the path of a firecracker binary."

    // MARK: What is known

    /// One line for each program: its file's identity and its version. A line that cannot be read is none.
    private static func known(_ identity: String, in path: String) -> FirecrackerVersion? {
        lines(of: path).last { $0.first.map(String.init) == identity }.flatMap { FirecrackerVersion(String($0[1])) }
    }

    /// Two that write at once lose one of the lines, which costs the next one a question.
    private static func remember(_ version: FirecrackerVersion, of identity: String, in path: String) {
        let kept = lines(of: path).suffix(7).map { $0.joined(separator: " ") }
        let text = (kept + ["\(identity) \(version)"]).map { "\($0)\n" }.joined()
        try? File.replace(path, with: Array(text.utf8))
    }

    private static func lines(of path: String) -> [[Substring]] {
        guard let text = try? File.readText(path, limit: 4096) else { return [] }
        return text.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count == 2 }
    }
}

extension DataDirectory {
    /// What VMMs have said of their versions.
    var vmmVersionsPath: String { "\(path)/vmm-versions" }
}
