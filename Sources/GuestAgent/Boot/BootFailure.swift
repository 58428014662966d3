/// Why a guest cannot be brought up: the thing, the cause and the cure.
struct BootFailure: Error {
    var message: String

    init(_ message: String) {
        self.message = message
    }
}
