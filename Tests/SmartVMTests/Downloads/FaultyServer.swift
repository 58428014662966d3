import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// An HTTP server on loopback that does to its clients what servers and networks do: breaks off, stays silent, lies, redirects.
///
/// It speaks HTTP in plain bytes, so that nothing of it is more correct than it is told to be.
final class FaultyServer: Sendable {
    struct Request: Hashable, Sendable {
        var method: String
        /// Without the query.
        var path: String
        var query: [String: String]
        /// With names in lower case.
        var headers: [String: String]
    }

    struct Content: Hashable, Sendable {
        var bytes: [UInt8]
        var etag: String?
        var knowsRanges = true
        /// What `Content-Length` says instead of the truth; nil says nothing and ends with the connection.
        var length: Int?
        var saysLength = true

        init(_ bytes: [UInt8], etag: String? = "\"one\"") {
            self.bytes = bytes
            self.etag = etag
        }

        init(_ text: String, etag: String? = "\"one\"") { self.init(Array(text.utf8), etag: etag) }
    }

    /// What happens to one answer.
    enum Fault: Hashable, Sendable {
        /// The connection ends after so many bytes of the body.
        case breakOff(after: Int)
        /// Nothing more comes after so many bytes of the body, and the connection stays open.
        case stall(after: Int)
        case status(Int, headers: [String: String])
        /// The content is another one from this answer on.
        case change(Content)
    }

    private struct State {
        var contents: [String: Content] = [:]
        /// One for each answer to a path, from the first on.
        var faults: [String: [Fault]] = [:]
        var redirects: [String: String] = [:]
        var requests: [Request] = []
        var pageSize = 1000
    }

    private let state = Mutex(State())
    private let channel: Mutex<(any Channel)?> = Mutex(nil)
    let port: Int

    init() async throws {
        // Given to the connections before there is a self.
        let box = Box()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Connection(box))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.channel.withLock { $0 = channel }
        box.weak.withLock { $0.server = self }
    }

    deinit {
        channel.withLock { $0 }?.close(promise: nil)
    }

    /// The connections' way to the server; it does not keep it alive.
    private final class Box: Sendable {
        struct Weak { weak var server: FaultyServer? }
        let weak = Mutex(Weak())
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { state.withLock { $0.requests } }

    func requests(for path: String) -> [Request] { requests.filter { $0.path == path } }
    func put(_ path: String, _ content: Content) { state.withLock { $0.contents[path] = content } }
    func fail(_ path: String, _ faults: Fault...) { state.withLock { $0.faults[path, default: []] += faults } }
    func redirect(_ path: String, to location: String) { state.withLock { $0.redirects[path] = location } }
    func setPageSize(_ size: Int) { state.withLock { $0.pageSize = size } }
    // MARK: - Answers

    fileprivate struct Answer {
        var head: String
        var body: ArraySlice<UInt8>
        var end = End.close

        enum End { case close, stall }
    }

    fileprivate func answer(_ request: Request) -> Answer {
        let (content, fault, location) = state.withLock { state in
            state.requests.append(request)
            var fault: Fault?
            if let first = state.faults[request.path]?.first {
                fault = first
                state.faults[request.path]?.removeFirst()
            }
            if case .change(let content) = fault { state.contents[request.path] = content }
            return (state.contents[request.path], fault, state.redirects[request.path])
        }
        if case .status(let code, let headers) = fault { return plain(code, headers: headers) }
        if let location { return plain(302, headers: ["Location": location]) }
        if request.query["list-type"] == "2", content == nil { return listing(request) }
        guard let content else { return plain(404) }
        return body(of: content, request, fault)
    }

    private func plain(_ code: Int, headers: [String: String] = [:]) -> Answer {
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        return Answer(
            head: "HTTP/1.1 \(code) Status\r\n\(lines)Content-Length: 0\r\nConnection: close\r\n\r\n", body: [])
    }

    private func body(of content: Content, _ request: Request, _ fault: Fault?) -> Answer {
        var body = content.bytes[...]
        var head = "HTTP/1.1 200 OK\r\n"
        if content.knowsRanges, let range = request.headers["range"], range.hasPrefix("bytes="),
            let first = Int(range.dropFirst(6).prefix { $0 != "-" }),
            request.headers["if-range"].map({ $0 == content.etag }) ?? true
        {
            guard first < content.bytes.count else { return plain(416) }
            body = content.bytes[first...]
            head =
                "HTTP/1.1 206 Partial Content\r\n"
                + "Content-Range: bytes \(first)-\(content.bytes.count - 1)/\(content.bytes.count)\r\n"
        }
        if content.saysLength { head += "Content-Length: \(content.length ?? body.count)\r\n" }
        if let etag = content.etag { head += "ETag: \(etag)\r\n" }
        head += "Connection: close\r\n\r\n"
        if request.method == "HEAD" { return Answer(head: head, body: []) }
        switch fault {
        case .breakOff(let count): return Answer(head: head, body: body.prefix(count))
        case .stall(let count): return Answer(head: head, body: body.prefix(count), end: .stall)
        case .status, .change, nil: return Answer(head: head, body: body)
        }
    }

    /// ListObjectsV2 of the contents below the path.
    private func listing(_ request: Request) -> Answer {
        let prefix = request.query["prefix"] ?? ""
        let (contents, pageSize) = state.withLock { ($0.contents, $0.pageSize) }
        let bucket = request.path.hasSuffix("/") ? request.path : request.path + "/"
        var entries: [String] = []
        var seen: Set<String> = []
        for (path, content) in contents.sorted(by: { $0.key < $1.key }) where path.hasPrefix(bucket + prefix) {
            let key = String(path.dropFirst(bucket.count))
            if let delimiter = request.query["delimiter"],
                let end = key.dropFirst(prefix.count).range(of: delimiter)?.upperBound
            {
                let common = String(key[..<end])
                if seen.insert(common).inserted {
                    entries.append("<CommonPrefixes><Prefix>\(common)</Prefix></CommonPrefixes>")
                }
            } else {
                entries.append(
                    "<Contents><Key>\(key)</Key><ETag>&quot;x&quot;</ETag><Size>\(content.bytes.count)</Size></Contents>"
                )
            }
        }
        let start = request.query["continuation-token"].flatMap { Int($0.dropFirst(2)) } ?? 0
        let page = entries.dropFirst(start).prefix(pageSize)
        let isTruncated = start + page.count < entries.count
        let next =
            isTruncated ? "<NextContinuationToken>=+\(start + page.count)</NextContinuationToken>" : ""
        let xml = """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>\(prefix)</Prefix>\
            <IsTruncated>\(isTruncated)</IsTruncated>\(next)\(page.joined())</ListBucketResult>
            """
        return body(of: Content(xml, etag: nil), request, nil)
    }

    // MARK: - The connection

    private final class Connection: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let box: Box
        private var received = ""

        init(_ box: Box) { self.box = box }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            guard received.contains("\r\n\r\n"), let server = box.weak.withLock({ $0.server }) else { return }
            let answer = server.answer(Self.parse(received))
            received = ""
            context.write(wrapOutboundOut(ByteBuffer(string: answer.head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer.body)), promise: nil)
            if answer.end == .close { context.close(promise: nil) }
        }

        private static func parse(_ text: String) -> Request {
            let lines = text.components("\r\n")
            let words = lines[0].components(" ")
            let target = words.count > 1 ? words[1].components("?") : [""]
            var query: [String: String] = [:]
            for pair in (target.count > 1 ? target[1] : "").components("&") {
                let parts = pair.components("=")
                if parts.count == 2 { query[parts[0]] = parts[1].removingPercentEncoding ?? "" }
            }
            var headers: [String: String] = [:]
            for line in lines.dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { continue }
                headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                    in: .whitespaces)
            }
            return Request(method: words[0], path: target[0], query: query, headers: headers)
        }
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] { components(separatedBy: separator) }
}
