import ArgumentParser
import Glibc
import SmartVM

/// Leave to remove what cannot be had back.
struct Confirmation: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Do not ask; needed where there is no terminal to ask on.")
    var force = false

    /// Asks on the terminal, unless that is not wanted.
    ///
    /// - Parameter sentences: What will be done.
    func isGiven(for sentences: String) throws -> Bool {
        if force { return true }
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
            throw ValidationError("There is no terminal to ask on whether that is to be removed: say so with --force.")
        }
        StandardError.write(Array("\(sentences)\nGo on? [y/N] ".utf8))
        return ["y", "yes"].contains(readLine()?.lowercased())
    }
}
