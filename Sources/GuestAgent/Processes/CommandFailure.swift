/// Why a command was not started: the status that a shell would give, and a sentence.
struct CommandFailure: Error, Equatable {
    /// 127: not found; 126: found, but it cannot be executed so; 125: anything else.
    var status: Int32
    var message: String

    init(_ status: Int32, _ message: String) {
        self.status = status
        self.message = "smartvm-guest: " + message
    }

    static func notFound(_ name: String) -> CommandFailure {
        CommandFailure(127, name + ": command not found")
    }
}
