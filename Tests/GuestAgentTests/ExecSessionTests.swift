import Glibc
import GuestProtocol
import Linux
import Testing

@testable import GuestAgent

@Suite("Exec sessions", .timeLimit(.minutes(1)))
struct ExecSessionTests {
    @Test("a command's output and exit status arrive, then the connection ends")
    func output() throws {
        let transcript = try ExecClient().run(ExecClient.shell("echo out; echo err >&2; exit 7"))
        #expect(transcript.stdoutText == "out\n")
        #expect(transcript.stderr == Array("err\n".utf8))
        #expect(transcript.last == .exited(status: 7))
        #expect(transcript.pid ?? 0 > 1)
        #expect(transcript.credit == 0)
    }

    @Test("arguments, environment and working directory are those of the request")
    func surroundings() throws {
        var request = ExecClient.shell("pwd; echo $A; echo $HOME; echo \"$1\"")
        request.arguments += ["sh", "a b"]
        request.environment = ["A=x y", "HOME=/elsewhere"]
        request.workingDirectory = "/usr"
        #expect(try ExecClient().run(request).stdoutText == "/usr\nx y\n/elsewhere\na b\n")
    }

    @Test("an end by a signal is told as one")
    func signaled() throws {
        #expect(try ExecClient().run(ExecClient.shell("kill -9 $$")).last == .signaled(number: SIGKILL))
    }

    @Test("a command that does not exist, or cannot be run, gives a status and a sentence")
    func failures() throws {
        #expect(
            try ExecClient().run(ExecRequest(arguments: ["nosuchcommand"])).last
                == .failed(status: 127, message: "smartvm-guest: nosuchcommand: command not found"))
        #expect(
            try ExecClient().run(ExecRequest(arguments: ["/usr"])).last
                == .failed(status: 126, message: "smartvm-guest: /usr: is a directory"))
        #expect(
            try ExecClient().run(ExecRequest(arguments: ["true"], workingDirectory: "/nosuch")).last
                == .failed(status: 126, message: "smartvm-guest: working directory /nosuch: No such file or directory"))
        guard
            case .failed(125, let message) = try ExecClient().run(ExecRequest(arguments: ["true"], user: "nosuch")).last
        else {
            Issue.record("an unknown user was taken")
            return
        }
        #expect(message.contains("user nosuch"))
        guard case .failed(125, _) = try ExecClient().run(ExecRequest(arguments: [])).last,
            case .failed(125, _) = try ExecClient().run(ExecRequest(arguments: ["true", "a\0b"])).last
        else {
            Issue.record("no command, or one with a NUL, was taken")
            return
        }
        let huge = ExecRequest(arguments: ["true", String(repeating: "x", count: 3 << 20)])
        guard case .failed(126, _) = try ExecClient().run(huge).last else {
            Issue.record("too long an argument was taken")
            return
        }
    }

    @Test("stdin goes through by credit, all of it, and comes back from cat")
    func stdin() throws {
        let client = try ExecClient()
        try client.send(.start(ExecRequest(arguments: ["cat"], wantsStdin: true)))
        let input = (0..<(2 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var sent = 0
        var given = 0
        var output: [UInt8] = []
        var last: ExecOutput?
        while let message = try client.next() {
            switch message {
            case .stdinCredit(let bytes):
                given += Int(bytes)
                #expect(given - output.count <= InputStream.window + (1 << 20))
            case .stdout(let bytes): output += bytes
            case .exited: last = message
            default: break
            }
            while sent < min(given, input.count) {
                let count = min(given - sent, input.count - sent, FrameType.maximumData)
                try client.send(.stdin(Array(input[sent..<(sent + count)])))
                sent += count
                if sent == input.count { try client.send(.stdinClosed) }
            }
        }
        #expect(last == .exited(status: 0))
        #expect(output == input)
    }

    @Test("without stdin a command reads nothing")
    func noStdin() throws {
        #expect(try ExecClient().run(ExecClient.shell("cat; echo done")).stdoutText == "done\n")
    }

    @Test("signals reach a command whose stdin is full and unread")
    func signalsPass() throws {
        let client = try ExecClient()
        var request = ExecClient.shell("echo ready; exec sleep 60")
        request.wantsStdin = true
        try client.send(.start(request))
        let start = try client.transcript { $0.credit > 0 && !$0.stdout.isEmpty }
        #expect(start.credit == InputStream.window)
        try client.send(.stdin([UInt8](repeating: 0, count: InputStream.window)))
        try client.send(.signal(SIGTERM))
        #expect(try client.transcript().last == .signaled(number: SIGTERM))
    }

    @Test("more stdin than there is credit for ends the session and its command")
    func overdraft() throws {
        let client = try ExecClient()
        var request = ExecClient.shell("echo $$; exec sleep 60")
        request.wantsStdin = true
        try client.send(.start(request))
        let start = try client.transcript { $0.credit > 0 && !$0.stdout.isEmpty }
        let pid = try #require(start.pid)
        try client.send(.stdin([UInt8](repeating: 0, count: FrameType.maximumData)))
        // The pipe of the command has taken 64 KiB, for which there was new credit; so much it was not.
        try? client.send(.stdin([UInt8](repeating: 0, count: FrameType.maximumData)))
        // The connection may be reset, with bytes in it that were not read.
        let rest = try? client.transcript()
        #expect(rest?.last == nil)
        #expect(isGone(pid))
    }

    @Test("when the host goes away the command and its background jobs are killed")
    func abandoned() throws {
        let pids: [Int32]
        do {
            let client = try ExecClient()
            try client.send(.start(ExecClient.shell("sleep 60 & echo $!; wait")))
            let start = try client.transcript { $0.stdout.last == UInt8(ascii: "\n") }
            pids = [try #require(start.pid), try #require(Int32(start.stdoutText.dropLast()))]
        }
        for pid in pids { #expect(isGone(pid)) }
    }

    /// Whether the process ends within five seconds; a zombie that waits for its new parent has ended.
    private func isGone(_ pid: Int32) -> Bool {
        guard let process = try? ChildProcess(adopting: pid) else { return true }
        return process.waitForEnd(timeout: .seconds(5))
    }

    @Test("a command in the background keeps nobody waiting")
    func background() throws {
        let transcript = try ExecClient().run(ExecClient.shell("sleep 30 & echo $!"))
        #expect(transcript.last == .exited(status: 0))
        if let pid = Int32(transcript.stdoutText.dropLast()) { kill(pid, SIGKILL) }
    }

    @Test("a terminal has its size, changes it, and is the controlling one")
    func terminal() throws {
        let client = try ExecClient()
        var request = ExecClient.shell(
            "stty size; tty; trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.05; done")
        request.terminal = .init(rows: 33, columns: 101)
        try client.send(.start(request))
        let start = try client.transcript { $0.stdoutText.contains("ready") }
        #expect(start.stdoutText.hasPrefix("33 101\r\n/dev/pts/"))
        try client.send(.resize(.init(rows: 50, columns: 120)))
        let rest = try client.transcript()
        #expect(rest.stdoutText.contains("50 120"))
        #expect(rest.last == .exited(status: 3))
    }

    @Test("what is typed into a terminal is input, and ^C a signal")
    func typing() throws {
        let client = try ExecClient()
        try client.send(.start(ExecRequest(arguments: ["cat"], terminal: .init(rows: 24, columns: 80))))
        _ = try client.transcript { $0.credit > 0 }
        try client.send(.stdin(Array("hi\n".utf8)))
        let echo = try client.transcript { $0.stdoutText.utf8.count >= 8 }
        #expect(echo.stdoutText == "hi\r\nhi\r\n")
        try client.send(.stdin([3]))
        #expect(try client.transcript().last == .signaled(number: SIGINT))
    }

    @Test("the end of a terminal's input is ^D")
    func terminalEnd() throws {
        let client = try ExecClient()
        try client.send(.start(ExecRequest(arguments: ["cat"], terminal: .init(rows: 24, columns: 80))))
        _ = try client.transcript { $0.credit > 0 }
        try client.send(.stdinClosed)
        #expect(try client.transcript().last == .exited(status: 0))
    }

    @Test("a slow reader stops the command, and loses nothing")
    func slowReader() throws {
        let client = try ExecClient()
        try client.send(.start(ExecClient.shell("head -c 8000000 /dev/zero; echo end")))
        usleep(300_000)
        let transcript = try client.transcript()
        #expect(transcript.stdout.count == 8_000_004)
        #expect(transcript.stdout.suffix(4) == Array("end\n".utf8))
        #expect(transcript.last == .exited(status: 0))
    }

    @Test("what is not the protocol ends the connection, and nothing else")
    func garbage() throws {
        for bytes in [
            [1, 2, 3, 4, 5, 6], [1, 0, 0, 0, 0x29, 1], [0, 0, 0, 0, 0x20], try ExecInput.signal(99).encoded(),
            try ExecInput.stdin([1]).encoded(), [255, 255, 255, 255, 0x20],
        ] as [[UInt8]] {
            let client = try ExecClient()
            try client.send(bytes: bytes)
            let transcript = try? client.transcript()
            #expect(transcript?.last == nil)
        }
        let client = try ExecClient()
        try client.send(.start(ExecClient.shell("sleep 60")))
        let pid = try #require(try client.transcript { $0.pid != nil }.pid)
        try client.send(.start(ExecClient.shell("true")))
        _ = try? client.transcript()
        #expect(isGone(pid))
    }
}
