import FirecrackerAPI
import Testing

@testable import FirecrackerQEMU

@Suite("The state file of a snapshot")
struct SnapshotStateTests {
    static func state() -> SnapshotState {
        var configuration = VMConfiguration(
            drives: [Drive(driveId: "d", isRootDevice: true, isReadOnly: true, pathOnHost: "/disk")],
            bootSource: BootSource(kernelImagePath: "/k"), machineConfig: MachineConfig(vcpuCount: 2, memSizeMib: 64))
        configuration.networkInterfaces = [NetworkInterface(ifaceId: "eth0", hostDevName: "tap0")]
        configuration.vsock = VsockConfig(guestCid: 3, udsPath: "/v")
        var state = SnapshotState(
            configuration: configuration, isPCIEnabled: true,
            machine: .init(
                bytes: (0..<1000).map { UInt8(truncatingIfNeeded: $0) }, qemuVersion: "7.2.22 (Debian)",
                timeStampCounter: 2_400_000, stoppedAt: 1_700_000_000_000_000_000, nextHostPort: 1 << 30 + 5))
        state.machine.limiters = [
            "net_eth0_rx": LimiterLevels(bandwidth: .init(budget: 7, oneTimeBurst: .max, age: 1)),
            "net_eth0_tx": LimiterLevels(operations: .init(budget: 0, oneTimeBurst: 0, age: 0)),
        ]
        return state
    }

    private func refusal(_ bytes: [UInt8]) -> SnapshotState.Refusal? {
        do throws(SnapshotState.Refusal) {
            _ = try SnapshotState(decoding: bytes)
            return nil
        } catch {
            return error
        }
    }

    /// With a checksum that is right again.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        let content = bytes.dropLast(8)
        return content + withUnsafeBytes(of: CRC64.of(content).littleEndian) { Array($0) }
    }

    @Test("is read as it was written")
    func roundTrip() throws {
        let state = Self.state()
        #expect(try SnapshotState(decoding: state.encoded) == state)
    }

    @Test("has the checksum of Jones")
    func checksum() {
        #expect(CRC64.of(Array("123456789".utf8)) == 0xe9c6_d914_c4b8_d9ca)
        #expect(CRC64.of(Self.state().encoded) == 0)
    }

    @Test("that is short, damaged, another program's or of another version is refused in Firecracker's words")
    func refusals() {
        let bytes = Self.state().encoded
        #expect(refusal([])?.sentence == "IO Error: File too short to contain CRC")
        #expect(refusal(Array(bytes.prefix(7))) == .tooShort)
        #expect(refusal(Array(bytes.dropLast())) == .checksum)
        #expect(refusal(Array("this is text and no snapshot".utf8))?.sentence == "CRC64 validation failed")
        var damaged = bytes
        damaged[bytes.count / 2] ^= 1
        #expect(refusal(damaged) == .checksum)
        var foreign = bytes
        foreign.replaceSubrange(0..<8, with: [0, 0, 0x64, 0x86, 0x84, 0x19, 0x10, 0x07])
        let sentence = refusal(sealed(foreign))?.sentence ?? ""
        #expect(sentence.hasPrefix("Magic value does not match arch: 508934814873944064"), "\(sentence)")
        #expect(sentence.contains("KVM"))
        var newer = bytes
        newer[8] = 9
        #expect(refusal(sealed(newer))?.sentence == "Invalid data version: 9")
        // Eight zeros have a right checksum.
        #expect(refusal([UInt8](repeating: 0, count: 8)) == .magic(0))
        var long = bytes
        long.replaceSubrange(12..<16, with: [0xff, 0xff, 0xff, 0xff])
        #expect(refusal(sealed(long)) == .content("length"))
        var broken = bytes
        broken[16] = UInt8(ascii: "[")
        #expect(refusal(sealed(broken)) == .content("JSON"))
    }

    @Test("with any bytes of its description changed is refused or read, never more")
    func randomChanges() {
        let bytes = Self.state().encoded
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                changed[Int.random(in: 8..<400, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = refusal(sealed(changed))
            _ = refusal(sealed(Array(changed.prefix(Int.random(in: 0...bytes.count, using: &generator)))))
        }
    }

    @Test("the guest's clocks are moved on where QEMU keeps them")
    func clock() throws {
        func word(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
        let section = [UInt8(4), 0, 0, 0, 2, 5] + Array("timer".utf8) + [0, 0, 0, 0, 0, 0, 0, 2]
        let before =
            [1, 2, 3, 5] + Array("timer".utf8) + section + word(5_000_000) + word(77) + word(1_000_000_000) + [9]
        let after =
            [1, 2, 3, 5] + Array("timer".utf8) + section + word(7_000_000_000 + 5_000_000) + word(77)
            + word(4_500_000_000) + [9]
        #expect(GuestClock.advance(before, by: 3_500_000_000, frequency: 2_000_000) == after)
        #expect(GuestClock.advance(Array(before.prefix(40)), by: 1, frequency: 1) == nil)
        #expect(GuestClock.advance(before, by: .max, frequency: .max) == nil)
        #expect(GuestClock.advance([], by: 1, frequency: 1) == nil)
    }
}
