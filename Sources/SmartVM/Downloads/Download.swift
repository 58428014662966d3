internal import FirecrackerClient
internal import Linux
internal import NIOCore

/// One file on its way from a server: the attempts that it takes, and what has come so far.
struct Download: Sendable {
    let wanted: DownloadRequest
    let url: HTTPURL
    let downloader: Downloader

    /// Bytes that are collected before they are written.
    private static let pieceSize = 512 << 10

    /// See ``Downloader/fetch(_:to:partials:progress:)``.
    func run(
        to destination: String, partials: String, progress: @escaping Downloader.Progress
    ) async throws -> ReceivedFile {
        let partial = try await PartialFile(for: url, in: partials, hasDigest: wanted.sha256 != nil)
        defer { PartialFile.removeAbandoned(in: partials) }
        do {
            if let size = wanted.size {
                // Said before anything is asked for.
                try wanted.check(size: size, at: partials, alreadyThere: partial.file.size)
            }
            let received: ReceivedFile
            do {
                received = try await complete(partial, progress)
            } catch let error as SmartVMError where partial.isContinued && Self.isOfContent(error) {
                // What an earlier process has left may be the reason.
                try await BlockingWork.run { try partial.file.reset() }
                received = try await complete(partial, progress)
            }
            try await BlockingWork.run { try partial.publish(to: destination) }
            return received
        } catch {
            if partial.file.size == 0 || Self.isFinal(error) { partial.discard() }
            if let errno = error as? Errno, errno == .noSpace {
                throw SmartVMError.noSpace(at: partials, underlying: errno)
            }
            throw error
        }
    }

    private func complete(_ partial: PartialFile, _ progress: Downloader.Progress) async throws -> ReceivedFile {
        try await downloader.retrying(url, progress: { partial.file.size }) {
            try await fetchRest(into: partial, progress)
        }
        let received = ReceivedFile(size: partial.file.size, sha256: partial.file.sha256)
        try wanted.check(received)
        return received
    }

    private static func isOfContent(_ error: SmartVMError) -> Bool {
        error.code == .checksumMismatch || error.code == .sizeMismatch
    }

    /// Whether what has come is worth nothing for the next time.
    private static func isFinal(_ error: any Error) -> Bool {
        guard let error = error as? SmartVMError else { return (error as? Errno) == .noSpace }
        return isOfContent(error) || error.code == .invalidURL
            || error.code == .downloadFailed && !(error.underlying is PassingFailure)
    }

    private func fetchRest(into partial: PartialFile, _ progress: Downloader.Progress) async throws {
        let file = partial.file
        var exchange = downloader.exchange(url)
        if file.size > 0 {
            // All of it came before a kill, or what is there cannot belong to it.
            if file.size == wanted.size { return }
            let validator = partial.validator
            if file.size > wanted.limit || file.size > wanted.size ?? .max
                || (validator == nil && wanted.sha256 == nil)
            {
                try await BlockingWork.run { try file.reset() }
            } else {
                exchange.headers.append(("Range", "bytes=\(file.size)-"))
                if let validator { exchange.headers.append(("If-Range", validator)) }
            }
        }
        try await exchange.perform(accepting: [200, 206, 416]) { answer in
            let total = try await begin(answer, partial)
            try await receive(answer, total: total, into: file, progress)
        }
    }

    /// Decides by the head of an answer where its body goes.
    ///
    /// - Returns: Bytes of the whole, if the server has said it.
    private func begin(
        _ answer: HTTPExchange.Answer, _ partial: PartialFile
    ) async throws -> Int64? {
        let file = partial.file
        let total: Int64?
        switch answer.status {
        case 206:
            let range = answer.header("Content-Range").flatMap { ContentRange($0) }
            // An answer to If-Range need not repeat what it was compared with.
            let validator = Self.validator(answer)
            guard let range, range.first == file.size, validator == nil || validator == partial.validator else {
                try await BlockingWork.run { try file.reset() }
                throw PassingFailure("the server sent another part than the one asked for", delay: .zero)
            }
            total = range.total
        case 416:
            try await BlockingWork.run { try file.reset() }
            throw PassingFailure("the server has fewer bytes than have come before", delay: .zero)
        default:
            let validator = Self.validator(answer)
            try await BlockingWork.run { try partial.begin(validator: validator) }
            total = answer.contentLength
        }
        if let total {
            if let size = wanted.size, size != total { throw wanted.wrongSize(total, size) }
            try wanted.check(size: total, at: partial.file.path, alreadyThere: file.size)
        }
        return total
    }

    private func receive(
        _ answer: HTTPExchange.Answer, total: Int64?, into file: HashedFile, _ progress: Downloader.Progress
    ) async throws {
        let end = total ?? wanted.size
        var collected = ByteBuffer()
        func flush() async throws {
            if collected.readableBytes == 0 { return }
            let piece = collected
            collected.clear()
            try await BlockingWork.run { try piece.withUnsafeReadableBytes { try file.add($0) } }
            try progress(file.size, end)
        }
        do {
            try await answer.forEachPiece { piece in
                var piece = piece
                collected.writeBuffer(&piece)
                let size = file.size + Int64(collected.readableBytes)
                if let end, size > end {
                    throw SmartVMError(
                        .sizeMismatch, "\(wanted) has more than the \(end) bytes announced.")
                }
                guard size <= wanted.limit else {
                    throw DownloadRequest.tooLarge("\(wanted)", wanted.limit)
                }
                if collected.readableBytes >= Self.pieceSize { try await flush() }
            }
            try await flush()
        } catch let failure as PassingFailure {
            try await flush()
            throw failure
        }
        if let total, file.size < total {
            throw PassingFailure("the answer broke off after \(file.size) of \(total) bytes")
        }
    }

    /// What `If-Range` may name: a weak ETag says that two contents are alike, not that their bytes are the same.
    private static func validator(_ answer: HTTPExchange.Answer) -> String? {
        if let tag = answer.header("ETag"), tag.hasPrefix("\"") { return tag }
        return answer.header("Last-Modified")
    }
}
