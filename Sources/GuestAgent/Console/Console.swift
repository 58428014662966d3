internal import Glibc

/// What the agent says on the guest's console: one line for each thing that went wrong, with its cause and its cure.
enum Console {
    static func say(_ message: String) {
        var line = "smartvm-guest: "
        line += message
        line += "\n"
        // Descriptor 2 is the console as long as the process lives. There is nobody to tell if it fails.
        line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    }
}
