import Linux
import Reactor
import SupervisorProtocol
import Testing

@testable import Supervisor

@Suite("a VM's life")
struct LifeTests {
    @Test("stopping climbs in order and ends with SIGKILL, once")
    func climb() {
        var climb = StopClimb([StopStep(.guest, milliseconds: 10), StopStep(.terminate, milliseconds: 5)])
        #expect(climb.next() == StopStep(.guest, milliseconds: 10))
        #expect(climb.next() == StopStep(.terminate, milliseconds: 5))
        #expect(climb.next()?.means == .kill)
        #expect(climb.next() == nil)
        var kill = StopClimb([StopStep(.kill, milliseconds: 7)])
        #expect(kill.next()?.means == .kill)
        #expect(kill.next() == nil)
        var nothing = StopClimb([])
        #expect(nothing.next()?.means == .kill)
    }

    @Test("a timer of any length is taken, and those that are short come")
    func timers() throws {
        final class Stopper: EventHandler {
            let loop: EventLoop
            var sources: [UInt8] = []

            init(_ loop: EventLoop) { self.loop = loop }

            func handle(_ events: Epoll.Events, source: UInt8) {
                sources.append(source)
                if source == 2 { loop.stop() }
            }
        }
        let loop = try EventLoop(bufferSize: 4096)
        let stopper = Stopper(loop)
        let lengths = [Int.max, Int.max / 1_000_000, 18_446_744_073_709, 21_600_000_000_000]
        for length in lengths { loop.schedule(milliseconds: length, handler: stopper, source: 0) }
        loop.schedule(milliseconds: -1, handler: stopper, source: 1)
        loop.schedule(milliseconds: 10, handler: stopper, source: 2)
        try loop.run()
        #expect(stopper.sources == [1, 2])
        #expect(Clock.deadline(afterMilliseconds: .max) == .max)
        #expect(Clock.deadline(afterMilliseconds: UInt64.max / 1_000_000) == .max)
    }

    @Test("starts come ever slower, up to a minute, and quickly again after a life that lasted")
    func backoff() {
        var backoff = RestartBackoff()
        let delays = (0..<12).map { _ in backoff.delay(afterLifeOf: 50) }
        #expect(delays == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000])
        #expect(backoff.delay(afterLifeOf: 10_000) == 100)
        #expect(backoff.delay(afterLifeOf: 9999) == 200)
    }

    @Test("a VM is started again as its policy says")
    func policy() {
        let always = RestartPolicy(.always)
        #expect(always.allowsRestart(after: 0, restarts: 1000))
        let failing = RestartPolicy(.onFailure, limit: 2)
        #expect(!failing.allowsRestart(after: 0, restarts: 0))
        #expect(failing.allowsRestart(after: 1, restarts: 1))
        #expect(!failing.allowsRestart(after: 1, restarts: 2))
        #expect(!RestartPolicy().allowsRestart(after: 1, restarts: 0))
    }

    @Test("how a life ended follows from what was seen of it")
    func ends() {
        func end(_ change: (inout LifeEnd.Evidence) -> Void) -> LifeEnd {
            var evidence = LifeEnd.Evidence(vmm: .exited(0), hasRun: true)
            change(&evidence)
            return LifeEnd(evidence)
        }
        // A guest without a command: it shut down, it was stopped, it was killed.
        #expect(end { _ in } == LifeEnd(status: 0))
        #expect(end { $0.means = .guest } == LifeEnd(status: 0))
        #expect(
            end {
                $0.means = .kill; $0.vmm = .signaled(9)
            } == LifeEnd(status: 137))
        // The command's own status counts, whatever ended the VM afterwards.
        #expect(
            end {
                $0.hasCommand = true; $0.commandStatus = 7; $0.means = .kill
            }.status == 7)
        #expect(end { $0.hasCommand = true }.status == 255)
        #expect(end { $0.hasCommand = true }.error == "The guest shut down before its command had ended.")
        // Somebody has killed the VMM.
        #expect(end { $0.vmm = .signaled(9) } == LifeEnd(status: 137, error: "The VMM was killed by signal 9."))
        // It never ran.
        #expect(
            end {
                $0.hasRun = false; $0.vmm = .exited(1)
            }.failure == .vmmFailed)
        #expect(
            end {
                $0.hasRun = false; $0.means = .terminate
            }.failure == .stopped)
        let missing = end {
            $0.hasRun = false
            $0.commandStatus = 127
            $0.failure = (.commandFailed, "nosuch: not found")
            $0.means = .terminate
        }
        #expect(missing == LifeEnd(status: 127, error: "nosuch: not found", failure: .commandFailed))
    }
}
