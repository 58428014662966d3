import Glibc
import Linux
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import SmartVM

/// A VMM whose process does nothing, and whose API is answered by the test: for the faults that no real one can be made to have.
final class StubVMM: Sendable {
    /// What to do with a request.
    enum Reply: Sendable {
        /// 204.
        case done
        /// 200, with this body.
        case json(String)
        /// 400, with these words.
        case fault(String)
        /// Nothing, ever.
        case silence
        /// The VMM ends with this status, and answers nothing.
        case exit(Int32)
    }

    typealias Handler = @Sendable (_ request: String) async -> Reply

    let directory: String
    /// The program.
    let path: String
    private let seen = Mutex<[String]>([])
    private let handler: Handler

    /// Serves the API during `body`. Afterwards nothing of any VM may be left in the data directory, and no process of the VMM.
    ///
    /// - Parameter ignoresTermination: Whether SIGTERM does not end the process.
    static func serving<Result>(
        ignoresTermination: Bool = false, _ handler: @escaping Handler = { _ in .done },
        _ body: (StubVMM) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { directory in
            let stub = StubVMM(directory, handler)
            let script = """
                #!/bin/sh
                [ "$1" = --version ] && echo 'Firecracker v1.16.1' && exit 0
                \(ignoresTermination ? "trap '' TERM" : "")
                echo $$ >> \(directory)/pids
                ln -s \(directory)/stub.sock "$2"
                while [ ! -e \(directory)/exit ]; do sleep 0.01; done
                exit $(cat \(directory)/exit)

                """
            try File.write(Array(script.utf8), to: stub.path, mode: 0o700)
            let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                        try channel.pipeline.syncOperations.addHandler(StubHandler(stub))
                    }
                }
                .bind(unixDomainSocketPath: "\(directory)/stub.sock").get()
            do {
                let result = try await body(stub)
                try await server.close()
                stub.expectNothingLeft()
                return result
            } catch {
                try await server.close()
                throw error
            }
        }
    }

    private init(_ directory: String, _ handler: @escaping Handler) {
        self.directory = directory
        self.handler = handler
        path = "\(directory)/vmm"
    }

    /// The requests that have come, as `PUT /machine-config`.
    var requests: [String] { seen.withLock { $0 } }

    /// The pids of all its processes, the first first.
    var pids: [Int32] {
        ((try? File.readText("\(directory)/pids")) ?? "").split(separator: "\n").compactMap { Int32($0) }
    }

    /// Ends the process.
    func exit(_ status: Int32) {
        try? File.replace("\(directory)/exit", with: Array("\(status)\n".utf8))
    }

    /// One that uses the stub, with a data directory beside it.
    func smartVM() throws -> SmartVM {
        try SmartVM(SmartVMOptions(dataDir: "\(directory)/data", firecrackerBinaryPath: path))
    }

    /// A VM that boots nothing.
    static let config = VMConfig(
        bootSource: .init(kernelImagePath: "/bin/true"), machineConfig: .init(vcpuCount: 1, memSizeMib: 128))

    func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) {
        let run = (try? FileTree.names(at: "\(directory)/data/run")) ?? []
        #expect(run == [".lock"] || run == [], "left in the data directory", sourceLocation: sourceLocation)
        for pid in pids {
            let command = (try? File.readText("/proc/\(pid)/cmdline")) ?? ""
            #expect(!command.contains(directory), "\(pid) is left", sourceLocation: sourceLocation)
        }
    }

    fileprivate func reply(to request: String) async -> Reply {
        seen.withLock { $0.append(request) }
        return await handler(request)
    }
}

/// Answers the requests of one connection.
private final class StubHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let stub: StubVMM
    private var request = ""

    init(_ stub: StubVMM) {
        self.stub = stub
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): request = "\(head.method.rawValue) \(head.uri)"
        case .body: break
        case .end:
            Self.serve(request, by: stub, on: context.channel)
        }
    }

    private static func serve(_ request: String, by stub: StubVMM, on channel: any Channel) {
        Task { await answer(request, by: stub, on: channel) }
    }

    private static func answer(_ request: String, by stub: StubVMM, on channel: any Channel) async {
        switch await stub.reply(to: request) {
        case .done: send(.noContent, nil, on: channel)
        case .json(let body): send(.ok, body, on: channel)
        case .fault(let words): send(.badRequest, #"{"fault_message":"\#(words)"}"#, on: channel)
        case .silence: break
        case .exit(let status):
            stub.exit(status)
            channel.close(promise: nil)
        }
    }

    private static func send(_ status: HTTPResponseStatus, _ body: String?, on channel: any Channel) {
        var head = HTTPResponseHead(version: .http1_1, status: status)
        if let body { head.headers.add(name: "Content-Length", value: String(body.utf8.count)) }
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if let body { channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil) }
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }
}
