import Glibc
import Linux
import Reactor
import SupervisorProtocol
import Synchronization
import Testing

@testable import Supervisor

/// A life whose VMM is a program that only sleeps, and whose API is answered here.
@Suite("pausing a VM that is being stopped")
struct LifePauseTests {
    private final class Observer: LifeObserver, EventHandler {
        let loop: EventLoop
        var phases: [LifeState.Phase] = []
        var act: () -> Void = {}

        init(_ loop: EventLoop) { self.loop = loop }

        func lifeChanged(_ phase: LifeState.Phase, pid: Int32) { phases.append(phase) }

        func lifeEnded(_ end: LifeEnd) { loop.stop() }

        func handle(_ events: Epoll.Events, source: UInt8) { act() }
    }

    private final class Requests: Sendable {
        let all = Mutex<[String]>([])

        /// Answers every request, one that pauses late.
        func serve(_ listener: borrowing Descriptor) throws {
            let peer = try Peer.accept(listener)
            while true {
                let request = String(decoding: try peer.read(), as: UTF8.self)
                if request.isEmpty { return }
                all.withLock { $0.append(request) }
                if request.contains("Paused") { usleep(200_000) }
                try peer.write(Array("HTTP/1.1 204 No Content\r\n\r\n".utf8))
            }
        }
    }

    @Test("a pause that is answered late does not overrule the stop, and the guest runs on to obey it")
    func latePause() throws {
        let directory = "/tmp/smartvm-pause-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        let loop = try EventLoop(bufferSize: 64 << 10)
        let observer = Observer(loop)
        let plan = SupervisorPlan(
            generation: 1, directory: directory, runtimeDirectory: directory,
            vmm: Program(path: "/bin/sleep", arguments: ["60"], environment: []), apiSocket: "\(directory)/api",
            vsockSocket: "\(directory)/vsock", requests: [], hasAgent: false,
            guest: GuestDescription(hostname: "a", machineID: "00112233445566778899aabbccddeeff"), command: nil,
            bootMilliseconds: 60_000, stop: [], restart: RestartPolicy())
        func log(_ name: String) -> RotatedFile {
            RotatedFile("\(directory)/\(name)", plan.log, lost: 0, gap: LogGap.text)
        }
        let life = try Life(plan, loop: loop, console: log("console"), log: log("output"), observer: observer)
        let listener = try UnixSocket.listen(at: plan.apiSocket)
        let requests = Requests()
        let number = listener.rawValue
        let server = try Thread("api") {
            guard let own = try? Descriptor.duplicate(number) else { return }
            try? requests.serve(own)
        }
        var answers: [String?] = []
        life.setPaused(true) { answers.append($0) }
        observer.act = { life.stop([StopStep(.ctrlAltDel, milliseconds: 1500)]) }
        loop.schedule(milliseconds: 50, handler: observer, source: 0)
        try loop.run()
        server.join()
        #expect(answers == ["it is stopping"])
        #expect(observer.phases == [.running, .stopping])
        let words = requests.all.withLock { $0 }
        #expect(words.count == 3 && words.first?.contains("Paused") == true, "\(words)")
        #expect(words.last?.contains("Resumed") == true, "\(words)")
    }
}
