import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("QEMU's vhost requests")
struct VhostRequestTests {
    private func bytes(_ words: UInt32...) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    @Test("are decoded by their numbers in linux/vhost.h")
    func decodes() {
        #expect(VhostRequest(0x8008_af00, payload: bytes(0, 0)) == .getFeatures)
        #expect(VhostRequest(0x4008_af00, payload: bytes(5, 1)) == .setFeatures(1 << 32 | 5))
        #expect(VhostRequest(0x0000_af01, payload: []) == .setOwner)
        #expect(VhostRequest(0x4008_af10, payload: bytes(1, 128)) == .setRingSize(queue: 1, 128))
        #expect(VhostRequest(0x4008_af12, payload: bytes(0, 9)) == .setRingBase(queue: 0, 9))
        #expect(VhostRequest(0xc008_af12, payload: bytes(1, 0)) == .getRingBase(queue: 1))
        #expect(VhostRequest(0x4008_af20, payload: bytes(1, 17)) == .setKick(queue: 1, 17))
        #expect(VhostRequest(0x4008_af21, payload: bytes(0, .max)) == .setCall(queue: 0, nil))
        #expect(VhostRequest(0x4008_af22, payload: bytes(0, 3)) == .accepted)
        #expect(VhostRequest(0x4008_af60, payload: bytes(3, 0)) == .setGuestCID(3))
        #expect(VhostRequest(0x4004_af61, payload: bytes(1)) == .setRunning(true))
        #expect(VhostRequest(0x4008_af30, payload: bytes(1, 9)) == .setBackend(queue: 1, true))
        #expect(VhostRequest(0x4008_af30, payload: bytes(0, .max)) == .setBackend(queue: 0, false))
        #expect(VhostRequest(0x8008_af26, payload: bytes(0, 0)) == .unsupported)
        #expect(
            VhostRequest(0x4028_af11, payload: bytes(1, 0, 0x1000, 0, 0x3000, 0, 0x2000, 0, 0, 0))
                == .setRingAddresses(queue: 1, .init(descriptors: 0x1000, available: 0x2000, used: 0x3000)))
        #expect(
            VhostRequest(0x4008_af03, payload: bytes(1, 0, 0x1000, 0, 0x2000, 0, 0x7000, 0, 0, 0))
                == MemoryTable([.init(guestAddress: 0x1000, size: 0x2000, address: 0x7000)]).map {
                    .setMemoryTable($0)
                })
    }

    @Test("say how much they carry")
    func sizes() {
        #expect(VhostRequest.payloadSize(0x4028_af11) == 40)
        #expect(VhostRequest.payloadSize(0x0000_af01) == 0)
        #expect(VhostRequest.hasRegions(0x4008_af03) && !VhostRequest.hasRegions(0x4008_af10))
    }

    @Test("are refused without their payload, or with what cannot be")
    func refuses() {
        #expect(VhostRequest(0x4008_af10, payload: bytes(1)) == nil)
        #expect(VhostRequest(0x4008_af10, payload: bytes(2, 128)) == nil)
        #expect(VhostRequest(0x4008_af12, payload: bytes(0, 65536)) == nil)
        #expect(VhostRequest(0x4008_af03, payload: bytes(2, 0, 0, 0)) == nil)
        #expect(VhostRequest(0x4008_ae10, payload: bytes(1, 2)) == nil)
    }

    @Test("of any number and payload do no harm")
    func random() {
        for _ in 0..<20000 {
            let request = 0xaf00 | UInt32.random(in: 0...3) << 30 | UInt32.random(in: 0...0x70)
            _ = VhostRequest(request, payload: (0..<Int.random(in: 0...80)).map { _ in .random(in: 0...255) })
        }
    }
}
