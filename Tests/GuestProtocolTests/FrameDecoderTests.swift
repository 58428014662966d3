import GuestProtocol
import Testing

/// What a decoder gives for bytes that come in the given portions, with the pieces of one data frame joined.
func decode(_ portions: [[UInt8]]) throws -> [(type: FrameType, payload: [UInt8])] {
    var decoder = FrameDecoder()
    var frames: [(type: FrameType, payload: [UInt8])] = []
    for portion in portions {
        try portion.withUnsafeBytes { view in
            var input = view
            while let piece = try decoder.next(&input) {
                switch piece {
                case .data(let type, let bytes):
                    if let last = frames.last, last.type == type {
                        frames[frames.count - 1].payload += bytes
                    } else {
                        frames.append((type, [UInt8](bytes)))
                    }
                case .control(let type, let bytes):
                    frames.append((type, bytes))
                }
            }
        }
    }
    return frames
}

@Suite("Frames")
struct FrameDecoderTests {
    @Test("a frame is a little-endian length, a type and the payload")
    func layout() throws {
        #expect(try ExecInput.stdin([1, 2, 3]).encoded() == [3, 0, 0, 0, 0x21, 1, 2, 3])
        #expect(try ExecInput.stdinClosed.encoded() == [0, 0, 0, 0, 0x22])
        #expect(try ExecOutput.stdinCredit(0x0102_0304).encoded() == [4, 0, 0, 0, 0x2b, 4, 3, 2, 1])
    }

    @Test("bytes may come in any portions")
    func portions() throws {
        let bytes =
            try ExecOutput.started(pid: 7, monotonicMicroseconds: 9).encoded() + ExecOutput.stdout([1, 2, 3]).encoded()
            + ExecOutput.exited(status: 0).encoded()
        for size in 1...bytes.count {
            let portions = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            let frames = try decode(portions)
            #expect(frames.map(\.type) == [.started, .stdout, .exited])
            #expect(frames.map(\.payload) == [[7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3], [0, 0, 0, 0]])
        }
    }

    @Test("bytes of a stream are given before their frame is complete, and where they lie")
    func streams() throws {
        var decoder = FrameDecoder()
        let bytes: [UInt8] = [10, 0, 0, 0, 0x29, 65, 66]
        try bytes.withUnsafeBytes { view in
            var input = view
            guard case .data(.stdout, let piece) = try decoder.next(&input) else {
                Issue.record("no piece")
                return
            }
            #expect(piece.baseAddress == view.baseAddress.map { $0 + 5 })
            #expect(piece.count == 2)
            #expect(try decoder.next(&input) == nil)
        }
        #expect(!decoder.isAtBoundary)
    }

    @Test("an unknown type and a payload above the limit are errors, again and again")
    func refusals() throws {
        let cases: [([UInt8], GuestProtocolError)] = [
            ([0, 0, 0, 0, 0x00], .unknownFrame(type: 0)),
            ([1, 0, 4, 0, 0x21], .frameTooLong(type: 0x21, length: 262_145, limit: 262_144)),
            ([1, 0, 64, 0, 0x20], .frameTooLong(type: 0x20, length: 4_194_305, limit: 4_194_304)),
            ([255, 255, 255, 255, 0x10], .frameTooLong(type: 0x10, length: 4_294_967_295, limit: 4_194_304)),
        ]
        for (bytes, error) in cases {
            var decoder = FrameDecoder()
            bytes.withUnsafeBytes { view in
                for _ in 0..<2 {
                    var input = view
                    #expect(throws: error) { try decoder.next(&input) }
                }
            }
        }
        #expect(try decode([[0, 0, 4, 0, 0x21]]).isEmpty)
        #expect(try decode([[0, 0, 64, 0, 0x20]]).isEmpty)
    }

    @Test("a message that is too long is not encoded, and leaves the buffer as it was")
    func tooLong() throws {
        var bytes: [UInt8] = [1, 2]
        let large = ExecInput.stdin([UInt8](repeating: 0, count: FrameType.maximumData + 1))
        #expect(throws: GuestProtocolError.frameTooLong(type: 0x21, length: 262_145, limit: 262_144)) {
            try large.encode(into: &bytes)
        }
        #expect(bytes == [1, 2])
        try ExecInput.stdinClosed.encode(into: &bytes)
        #expect(bytes == [1, 2, 0, 0, 0, 0, 0x22])
    }

    @Test("random bytes give frames or an error, never anything else")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0..<64, using: &generator)).map { _ in UInt8.random(in: 0...255) }
            // Most random headers are refused at once; make some that are not.
            if bytes.count > 5, Bool.random() {
                bytes[0] %= 48
                bytes[1...3] = [0, 0, 0]
                bytes[4] = FrameType.allCases[Int.random(in: 0..<FrameType.allCases.count)].rawValue
            }
            guard let frames = try? decode([bytes]) else { continue }
            for frame in frames {
                _ = try? SessionCommand(frame.type, payload: frame.payload)
                _ = try? SessionReport(frame.type, payload: frame.payload)
                _ = try? ExecInput(frame.type, payload: frame.payload)
                _ = try? ExecOutput(frame.type, payload: frame.payload)
            }
        }
    }

    @Test("whoever expects short messages holds no long ones, and data are not meant by that")
    func shortMessages() throws {
        func decode(_ message: some FrameMessage) throws -> Bool {
            var bytes: [UInt8] = []
            try message.encode(into: &bytes)
            var decoder = FrameDecoder(maximumControl: 100)
            return try bytes.withUnsafeBytes { view in
                var input = view
                return try decoder.next(&input) != nil
            }
        }
        #expect(try decode(ExecOutput.failed(status: 1, message: "no")))
        #expect(throws: GuestProtocolError.self) {
            try decode(ExecOutput.failed(status: 1, message: String(repeating: "a", count: 200)))
        }
        #expect(try decode(ExecOutput.stdout([UInt8](repeating: 0, count: 200))))
    }
}
