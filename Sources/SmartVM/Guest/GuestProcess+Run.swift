internal import GuestProtocol

extension GuestProcess {
    /// Runs a command in the guest behind a VMM's socket; the command is killed when `body` returns before it has ended.
    static func run<Result>(
        _ command: GuestCommand, by vsockPath: String, _ body: (GuestProcess) async throws -> Result
    ) async throws -> Result {
        let request = try command.request()
        return try await GuestSocket.withConnection(vsockPath, port: VsockPort.exec) { reader, writer in
            try await writer.write(ExecInput.start(request))
            return try await body(GuestProcess(reader: reader, writer: writer))
        }
    }

    /// Waits for the command's end and collects what it prints.
    ///
    /// - Parameters:
    ///   - bytes: Its standard input.
    ///   - limit: How many bytes of output are kept, of each stream; the rest is read and dropped.
    func collectOutput(input bytes: [UInt8]?, limit: Int) async throws -> GuestCommandResult {
        let sink = input
        let feeder = bytes.map { bytes in
            Task {
                try? await sink.write(bytes)
                try? await sink.closeStandardInput()
            }
        }
        defer { feeder?.cancel() }
        var result = GuestCommandResult()
        while let event = try await nextEvent() {
            switch event {
            case .started: break
            case .standardOutput(let bytes):
                result.standardOutputBytes += bytes.prefix(max(0, limit) - result.standardOutputBytes.count)
            case .standardError(let bytes):
                result.standardErrorBytes += bytes.prefix(max(0, limit) - result.standardErrorBytes.count)
            case .ended(let ending): result.ending = ending
            }
        }
        return result
    }
}
