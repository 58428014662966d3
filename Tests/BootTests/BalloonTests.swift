import Glibc
import Linux
import Testing

@testable import SmartVM

/// The balloon of smartvm-qemu with a real guest.
@Suite("The balloon of smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct BalloonTests {
    private func withStage(_ body: (VMMStage) async throws -> Void) async throws {
        let stage = try VMMStage()
        do {
            try await body(stage)
        } catch {
            await stage.end()
            throw error
        }
        await stage.end()
    }

    /// Has the guest touch memory, and leave it.
    private static func touch(_ mib: Int) -> String {
        "dd if=/dev/zero of=/dev/null bs=\(mib)M count=1 2>/dev/null && echo touched"
    }

    private func statistics(_ machine: VMMProgram) async throws -> BalloonStatistics {
        guard case .balloonStatistics(let statistics) = try await machine.client.send(.getBalloonStatistics) else {
            throw Errno.inputOutput
        }
        return statistics
    }

    private func inflate(to mib: UInt32, _ machine: VMMProgram) async throws {
        try await machine.client.send(.patchBalloon(BalloonUpdate(amountMib: mib)))
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline, try await statistics(machine).actualMib != mib {
            try await Task.sleep(for: .milliseconds(50))
        }
        let reached = try await statistics(machine)
        #expect(reached.actualMib == mib && reached.targetMib == mib && reached.actualPages == mib * 256)
    }

    /// A guest whose balloon driver is up.
    private func machine(_ stage: VMMStage, _ balloon: BalloonConfig) async throws -> VMMProgram {
        let machine = try await stage.machine("vm")
        try await machine.configure(devices: [.putBalloon(balloon)])
        // The driver is loaded when the guest is up.
        _ = try await machine.shell("until grep -q '^virtio_balloon' /proc/modules; do sleep 0.1; done; sleep 0.3")
        return machine
    }

    @Test("takes memory from the guest up to its target, gives it to the host, and back")
    func target() async throws {
        try await withStage { stage in
            let machine = try await machine(
                stage, BalloonConfig(amountMib: 0, deflateOnOom: false, statsPollingIntervalS: 1))
            _ = try await machine.shell(Self.touch(150))
            let before = try machine.residentMiB()
            let total = try await machine.memoryMiB()
            try await inflate(to: 160, machine)
            let after = try machine.residentMiB()
            #expect(before - after >= 100, "\(before) MiB before, \(after) MiB after")
            #expect(try await machine.memoryMiB() == total - 160)
            try await inflate(to: 0, machine)
            #expect(try await machine.memoryMiB() == total)
            #expect(try await machine.shell(Self.touch(150)).contains("touched"))
        }
    }

    @Test("tells what the guest says of its memory, at the pace that is asked for")
    func statisticsOfTheGuest() async throws {
        try await withStage { stage in
            let machine = try await machine(
                stage, BalloonConfig(amountMib: 0, deflateOnOom: false, statsPollingIntervalS: 1))
            func free() async throws -> UInt64? { try await statistics(machine).freeMemory }
            var first = try await free()
            while first == nil {
                try await Task.sleep(for: .milliseconds(100))
                first = try await free()
            }
            let total = try #require(try await statistics(machine).totalMemory)
            #expect(total > 200 << 20 && total < 256 << 20)
            try await machine.client.send(.patchBalloonStatistics(BalloonStatisticsUpdate(statsPollingIntervalS: 2)))
            _ = try await machine.shell(
                "mount -t tmpfs none /mnt; dd if=/dev/zero of=/mnt/f bs=1M count=80 2>/dev/null")
            let wanted = try #require(first) - 70 << 20
            let deadline = ContinuousClock.now + .seconds(10)
            while ContinuousClock.now < deadline, try #require(try await free()) > wanted {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try #require(try await free()) <= wanted)
        }
    }

    @Test("gives memory back to a guest that runs out of it, if it is to", arguments: [true, false])
    func outOfMemory(deflates: Bool) async throws {
        try await withStage { stage in
            let machine = try await machine(
                stage, BalloonConfig(amountMib: 0, deflateOnOom: deflates, statsPollingIntervalS: 1))
            try await inflate(to: 140, machine)
            let output = try await machine.shell("(\(Self.touch(120))); dmesg | grep -c 'Killed process'")
            #expect(output.contains("touched") == deflates, "\(output)")
            if deflates { #expect(output.hasSuffix("\n0\n"), "\(output)") }
        }
    }

    @Test("gives pages to the host that the guest reports as free")
    func freePageReporting() async throws {
        try await withStage { stage in
            let machine = try await machine(
                stage, BalloonConfig(amountMib: 0, deflateOnOom: false, freePageReporting: true))
            _ = try await machine.shell(
                "mount -t tmpfs none /mnt; dd if=/dev/zero of=/mnt/f bs=1M count=120 2>/dev/null")
            let before = try machine.residentMiB()
            _ = try await machine.shell("rm /mnt/f")
            let isGivenBack = try await eventually(seconds: 20) { before - (try machine.residentMiB()) >= 90 }
            let after = try machine.residentMiB()
            #expect(isGivenBack, "\(before) MiB before, \(after) MiB after")
        }
    }

    @Test("gives back the pages that are a clone's own, and leaves the snapshot's file as it is")
    func clone() async throws {
        try await withStage { stage in
            let original = try await machine(
                stage, BalloonConfig(amountMib: 0, deflateOnOom: false, statsPollingIntervalS: 1))
            try await stage.save(original)
            await original.end()
            let content = try File.read(stage.memory, limit: 512 << 20)
            let clone = try await stage.clone("clone")
            _ = try await clone.shell(Self.touch(150))
            let before = try clone.residentMiB("Private_Dirty")
            try await inflate(to: 160, clone)
            let after = try clone.residentMiB("Private_Dirty")
            #expect(before - after >= 80, "\(before) MiB before, \(after) MiB after")
            try await inflate(to: 0, clone)
            #expect(try await clone.shell(Self.touch(150)).contains("touched"))
            let isUntouched = try File.read(stage.memory, limit: 512 << 20) == content
            #expect(isUntouched)
        }
    }
}
