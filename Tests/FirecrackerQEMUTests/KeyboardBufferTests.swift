import Testing

@testable import FirecrackerQEMU

@Suite("Firecracker's keyboard controller")
struct KeyboardBufferTests {
    @Test("takes four Ctrl-Alt-Dels that nobody reads, and more when the guest has read them")
    func presses() {
        var buffer = KeyboardBuffer()
        #expect((0..<6).map { buffer.press(isEmpty: $0 == 0) } == [true, true, true, true, false, false])
        #expect(buffer.press(isEmpty: true) && buffer.count == KeyboardBuffer.ctrlAltDelSize)
    }

    @Test("is empty if the status says so")
    func status() {
        #expect(QEMUMachine.isOutputEmpty(status: "portb[0x0064] = 0x1c\r\n"))
        #expect(!QEMUMachine.isOutputEmpty(status: "portb[0x0064] = 0x1d\r\n"))
        #expect(!QEMUMachine.isOutputEmpty(status: "portb[0x0064] = 0xf"))
        #expect(QEMUMachine.isOutputEmpty(status: ""))
    }
}
