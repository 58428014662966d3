import SmartVM
import Testing

@Suite("VMConfig")
struct VMConfigTests {
    @Test("an image is all that a configuration needs")
    func valid() {
        #expect(VMConfig(image: "minimal").validate().errors == [])
    }
}
