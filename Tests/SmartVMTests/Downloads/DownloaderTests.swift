import Foundation
import Linux
import Synchronization
import Testing

@testable import SmartVM

@Suite("Downloads from a faulty server")
struct DownloaderTests {
    let directory: TestDirectory
    let server: FaultyServer
    /// Two pieces and a bit, not all alike.
    private static let content: [UInt8] = {
        var random = SeededGenerator(seed: 7)
        return (0..<150_000).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
    }()
    private var content: [UInt8] { Self.content }

    init() async throws {
        directory = try TestDirectory()
        server = try await FaultyServer()
        server.put("/file", .init(Self.content))
    }

    private var destination: String { "\(directory.path)/file" }
    private var partials: String { "\(directory.path)/.partial" }

    private var downloader: Downloader {
        var downloader = Downloader(environment: HostEnvironment(variables: [:], user: 0))
        downloader.retry = RetryPolicy(attempts: 3, firstDelay: .milliseconds(1), longestDelay: .milliseconds(2))
        downloader.stallTimeout = .milliseconds(300)
        return downloader
    }

    private func request(
        _ path: String = "/file", size: Int64? = nil, sha256: String? = nil, limit: Int64 = 1 << 30
    ) throws -> DownloadRequest {
        DownloadRequest(
            source: .url(try HTTPURL(server.url + path)), name: "The file", size: size, sha256: sha256, limit: limit)
    }

    @discardableResult
    private func fetch(
        _ request: DownloadRequest, progress: @escaping Downloader.Progress = { _, _ in }
    ) async throws -> ReceivedFile {
        try await downloader.fetch(request, to: destination, partials: partials, progress: progress)
    }

    /// The download fails with this code, and nothing of it is left.
    private func expect(_ code: SmartVMError.Code, _ request: DownloadRequest) async throws -> SmartVMError? {
        let error = await #expect(throws: SmartVMError.self) { try await fetch(request) }
        #expect(error?.code == code)
        #expect(try FileTree.names(at: directory.path) == [])
        return error
    }

    @Test("what was fetched is what the server has, and nothing else is left")
    func whole() async throws {
        let seen = Mutex<[Int64]>([])
        let received = try await fetch(
            request(size: Int64(content.count), sha256: sha256(content)),
            progress: { done, total in
                #expect(total == 1_200_000)
                seen.withLock { $0.append(done) }
            })
        #expect(received == ReceivedFile(size: Int64(content.count), sha256: sha256(content)))
        #expect(try File.read(destination) == content)
        #expect(try FileTree.names(at: directory.path) == ["file"])
        let steps = seen.withLock { $0 }
        #expect(steps == steps.sorted() && steps.last == 1_200_000 && steps.count > 1)
        #expect(server.requests(for: "/file").map { $0.headers["user-agent"]?.hasPrefix("smartvm/") } == [true])
    }

    @Test("an image that is full of zeros is one with holes")
    func sparse() async throws {
        server.put("/file", .init([UInt8](repeating: 0, count: 4 << 20) + [1] + [UInt8](repeating: 0, count: 4 << 20)))
        let received = try await fetch(request())
        let status = try FileStatus(of: destination)
        #expect(received.size == 8 << 20 + 1 && status.size == received.size)
        #expect(status.allocated < 1 << 20)
        #expect(try await Checksum.sha256(ofFile: destination) == received.sha256)
    }

    @Test("a connection that breaks again and again is gone on with, for as long as something comes")
    func breaks() async throws {
        for _ in 0..<7 { server.fail("/file", .breakOff(after: 150_000)) }
        try await fetch(request(sha256: sha256(content)))
        #expect(try File.read(destination) == content)
        let requests = server.requests(for: "/file")
        let starts = requests.map { $0.headers["range"].flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0 }
        // What the client had received but not handed over when the connection broke may be asked for again.
        #expect(starts.count == 8 && starts == Set(starts).sorted() && starts[0] == 0)
        #expect(requests.dropFirst().allSatisfy { $0.headers["if-range"] == "\"one\"" })
    }

    @Test("a server that knows no ranges is asked for all of it")
    func noRanges() async throws {
        var whole = FaultyServer.Content(content)
        whole.knowsRanges = false
        server.put("/file", whole)
        server.fail("/file", .breakOff(after: 600_000))
        #expect(try await fetch(request()).sha256 == sha256(content))
        #expect(try File.read(destination) == content)
    }

    @Test("a content that changes between two parts is fetched anew, not put together of both")
    func changes() async throws {
        let other = content.reversed().map { $0 } + [1, 2, 3]
        server.fail("/file", .breakOff(after: 600_000), .change(.init(other, etag: "\"two\"")))
        #expect(try await fetch(request()).sha256 == sha256(other))
        #expect(try File.read(destination) == other)
    }

    @Test("without ETag and digest, parts are not put together")
    func noValidator() async throws {
        server.put("/file", .init(content, etag: nil))
        server.fail("/file", .breakOff(after: 600_000))
        #expect(try await fetch(request()).sha256 == sha256(content))
        #expect(server.requests(for: "/file").allSatisfy { $0.headers["range"] == nil })
    }

    @Test("a busy server is asked again, as soon as it says", arguments: [429, 500, 502, 503, 504])
    func busy(status: Int) async throws {
        server.fail("/file", .status(status, headers: [:]), .status(status, headers: ["Retry-After": "1"]))
        let time = try await ContinuousClock().measure { try await fetch(request()) }
        #expect(time >= .seconds(1))
        #expect(try File.read(destination) == content)
        #expect(server.requests.count == 3)
    }

    @Test("a server that asks to wait too long is not waited for")
    func busyForLong() async throws {
        server.fail("/file", .status(503, headers: ["Retry-After": "86400"]))
        let error = try await expect(.downloadFailed, request())
        #expect(error?.message.contains("86400 seconds") == true)
    }

    @Test("an answer that will not change is asked for once", arguments: [400, 401, 403, 404, 410, 501])
    func refusal(status: Int) async throws {
        server.fail("/file", .status(status, headers: [:]))
        let error = try await expect(.downloadFailed, request())
        #expect(error?.message.contains("\(status)") == true)
        #expect(server.requests.count == 1)
    }

    @Test("attempts that bring nothing end")
    func gone() async throws {
        for _ in 0..<9 { server.fail("/file", .breakOff(after: 0)) }
        _ = try await expect(.downloadFailed, request())
        #expect(server.requests.count == 3)
    }

    @Test("a server that falls silent is left, and asked for the rest")
    func stalls() async throws {
        server.fail("/file", .stall(after: 700_000))
        try await fetch(request())
        #expect(try File.read(destination) == content)
        #expect(server.requests(for: "/file").last?.headers["range"] == "bytes=700000-")
    }

    @Test("a server that is not there is said so")
    func unreachable() async throws {
        var url = server.url
        url.replaceSubrange(url.range(of: ":\(server.port)") ?? url.startIndex..<url.startIndex, with: ":1")
        let request = DownloadRequest(source: .url(try HTTPURL(url)), name: "The file", limit: 1)
        let error = try await expect(.downloadFailed, request)
        #expect(error?.cure?.contains("network") == true)
    }

    @Test("redirects are followed, but not without end, and not away from the web")
    func redirects() async throws {
        server.redirect("/here", to: "/there")
        server.redirect("/there", to: "\(server.url)/file")
        try await fetch(request("/here"))
        #expect(try File.read(destination) == content)
        try FileTree.removeAll(destination)
        server.redirect("/loop", to: "/loop")
        let loop = try await expect(.downloadFailed, request("/loop"))
        #expect(loop?.message.contains("redirects more than 5 times") == true)
        for place in ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "gopher:x"] {
            server.redirect("/away", to: place)
            _ = try await expect(.invalidURL, request("/away"))
        }
    }

    @Test("a size that is not the announced one is said before it is fetched")
    func wrongSize() async throws {
        let error = try await expect(.sizeMismatch, request(size: 11))
        #expect(error?.message.contains("1200000 bytes, not the 11 announced") == true)
        _ = try await expect(.sizeMismatch, request(limit: 1_000_000))
        var endless = FaultyServer.Content(content, etag: nil)
        endless.saysLength = false
        server.put("/file", endless)
        _ = try await expect(.sizeMismatch, request(limit: 1_000_000))
        _ = try await expect(.sizeMismatch, request(size: 1_000_000))
        _ = try await expect(.sizeMismatch, request(size: 2_000_000))
    }

    @Test("an answer that is shorter than its length broke off, however often it comes")
    func liesAboutLength() async throws {
        var short = FaultyServer.Content(content, etag: nil)
        short.length = content.count + 5
        server.put("/file", short)
        let error = await #expect(throws: SmartVMError.self) { try await fetch(request()) }
        #expect(error?.code == .downloadFailed)
        #expect(!File.exists(destination))
    }

    @Test("a digest that is not the announced one leaves nothing")
    func wrongDigest() async throws {
        let error = try await expect(.checksumMismatch, request(sha256: sha256(content + [0])))
        #expect(error?.message.contains(sha256(content)) == true)
    }

    @Test("what no disk can hold is said at once")
    func tooLarge() async throws {
        _ = try await expect(.noSpace, request(size: 1 << 60, limit: 1 << 61))
        #expect(server.requests.isEmpty)
        var huge = FaultyServer.Content(content)
        huge.length = 1 << 60
        server.put("/file", huge)
        _ = try await expect(.noSpace, request(limit: 1 << 61))
    }

    @Test("what a killed process has left is gone on with")
    func continued() async throws {
        struct Kill: Error {}
        server.fail("/file", .stall(after: 700_000))
        await #expect(throws: Kill.self) { try await fetch(request(), progress: { _, _ in throw Kill() }) }
        #expect(try FileTree.names(at: partials).count == 2)
        try await fetch(request())
        #expect(try File.read(destination) == content)
        let range = server.requests(for: "/file").last?.headers["range"] ?? ""
        #expect(range.hasPrefix("bytes=") && range != "bytes=0-")
        #expect(try FileTree.names(at: directory.path) == ["file"])
    }

    @Test("what a killed process has left is not believed when the whole does not match", arguments: [true, false])
    func continuedWrong(isLonger: Bool) async throws {
        struct Kill: Error {}
        server.fail("/file", .stall(after: 700_000))
        await #expect(throws: Kill.self) { try await fetch(request(), progress: { _, _ in throw Kill() }) }
        let part = try #require(try FileTree.names(at: partials).first { $0.hasSuffix(".part") })
        let wrong = [UInt8](repeating: 9, count: isLonger ? content.count : 500_000)
        try File.write(wrong, to: "\(partials)/\(part)")
        try await fetch(request(size: Int64(content.count), sha256: sha256(content)))
        #expect(try File.read(destination) == content)
    }

    @Test("two who fetch the same at once do not disturb each other")
    func concurrent() async throws {
        let downloader = downloader
        let request = try request(sha256: sha256(content))
        let (directory, partials) = (directory.path, partials)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask {
                    _ = try await downloader.fetch(
                        request, to: "\(directory)/\(number)", partials: partials, progress: { _, _ in })
                }
            }
            try await group.waitForAll()
        }
        for number in 0..<4 { #expect(try File.read("\(directory)/\(number)") == content) }
        #expect(try FileTree.names(at: directory) == ["0", "1", "2", "3"])
    }

    @Test("a cancelled download ends at once")
    func cancelled() async throws {
        for _ in 0..<3 { server.fail("/file", .stall(after: 0)) }
        var patient = downloader
        patient.stallTimeout = .seconds(60)
        let (downloader, request, destination, partials) = (patient, try request(), destination, partials)
        let task = Task {
            try await downloader.fetch(request, to: destination, partials: partials, progress: { _, _ in })
        }
        #expect(try await eventually { !server.requests.isEmpty })
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try FileTree.names(at: directory.path) == [])
    }

    @Test("a file of this machine is copied with the same checks")
    func copies() async throws {
        let source = try directory.file("source", content)
        func copy(size: Int64? = nil, sha256: String? = nil, limit: Int64 = 1 << 30, of path: String) async throws {
            let request = DownloadRequest(
                source: .file(path), name: "The file", size: size, sha256: sha256, limit: limit)
            _ = try await downloader.fetch(request, to: destination, partials: partials, progress: { _, _ in })
        }
        try await copy(size: 1_200_000, sha256: sha256(content), of: source)
        #expect(try File.read(destination) == content)
        try FileTree.removeAll(destination)
        let wrong: [(SmartVMError.Code, Int64?, String?, Int64, String)] = [
            (.sizeMismatch, 5, nil, 1 << 30, source), (.checksumMismatch, nil, sha256([1]), 1 << 30, source),
            (.sizeMismatch, nil, nil, 100, source), (.invalidFile, nil, nil, 1 << 30, "/dev/zero"),
            (.invalidFile, nil, nil, 1 << 30, directory.path), (.invalidFile, nil, nil, 1 << 30, "/nonexistent"),
        ]
        for (code, size, digest, limit, path) in wrong {
            let error = await #expect(throws: SmartVMError.self) {
                try await copy(size: size, sha256: digest, limit: limit, of: path)
            }
            #expect(error?.code == code)
            #expect(!File.exists(destination))
        }
    }
}
