import Testing

@testable import SmartVM

@Suite("Stop ladder")
struct StopLadderTests {
    private static let limits = StopPolicy(guest: .seconds(1), ctrlAltDel: .seconds(2), terminate: .seconds(3))

    @Test(
        "it climbs until something has ended the VM",
        arguments: [
            ([.ended], [.guest]),
            ([.unavailable("no agent"), .ended], [.guest, .ctrlAltDel]),
            ([.timedOut, .timedOut, .ended], [.guest, .ctrlAltDel, .terminate]),
            ([.timedOut, .unavailable("x"), .timedOut, .ended], [.guest, .ctrlAltDel, .terminate, .kill]),
            ([.timedOut, .timedOut, .timedOut, .timedOut], [.guest, .ctrlAltDel, .terminate, .kill]),
        ] as [([StopReport.Outcome], [StopRung])])
    func climb(outcomes: [StopReport.Outcome], rungs: [StopRung]) async {
        var rest = outcomes[...]
        let attempts = await StopLadder.climb(Self.limits) { _, _ in rest.removeFirst() }
        #expect(attempts.map(\.rung) == rungs)
        #expect(attempts.map(\.outcome) == outcomes)
        #expect(StopReport(attempts: attempts).endedBy == (outcomes.last == .ended ? rungs.last : nil))
    }

    @Test("each means has its own time, and those without one are left out; SIGKILL never is")
    func policies() async {
        for (policy, expected) in [
            (Self.limits, [.guest, .ctrlAltDel, .terminate, .kill]), (.quick, [.terminate, .kill]),
            (StopPolicy(guest: nil, ctrlAltDel: .seconds(2), terminate: nil), [.ctrlAltDel, .kill]),
            (StopPolicy(guest: nil, ctrlAltDel: nil, terminate: nil), [.kill]),
        ] as [(StopPolicy, [StopRung])] {
            var seen: [StopRung] = []
            _ = await StopLadder.climb(policy) { rung, limit in
                seen.append(rung)
                #expect(limit == policy.limit(of: rung))
                return .timedOut
            }
            #expect(seen == expected)
        }
        #expect(Self.limits.limit(of: .guest) == .seconds(1))
        #expect(Self.limits.limit(of: .ctrlAltDel) == .seconds(2))
        #expect(Self.limits.limit(of: .terminate) == .seconds(3))
    }

    @Test("a report says how long each means took")
    func durations() async throws {
        let attempts = await StopLadder.climb(Self.limits) { rung, _ in
            try? await Task.sleep(for: rung == .guest ? .milliseconds(50) : .zero)
            return rung == .guest ? .timedOut : .ended
        }
        #expect(attempts[0].duration >= .milliseconds(50))
        #expect(attempts[1].duration < attempts[0].duration)
    }
}
