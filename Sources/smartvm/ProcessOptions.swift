import ArgumentParser
import FoundationEssentials
import Glibc
import SmartVM

/// How a command runs in a guest, by the names that docker and podman use.
struct ProcessOptions: ParsableArguments {
    @Flag(name: [.short, .long], help: "Pass standard input on to the command.")
    var interactive = false

    @Flag(name: [.customShort("t"), .customLong("tty")], help: "Run the command in a terminal.")
    var terminal = false

    @Option(
        name: [.short, .customLong("env")], parsing: .singleValue,
        help: ArgumentHelp("Set a variable, or pass on the one of this name.", valueName: "name[=value]"))
    var environment: [String] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Set the variables of a file: a line each, # for comments.", valueName: "file"))
    var envFile: [String] = []

    @Option(
        name: [.short, .customLong("workdir")],
        help: ArgumentHelp("The command's working directory. Default: the user's home.", valueName: "path"))
    var workingDirectory: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Who runs it, as the guest knows them. Default: root.", valueName: "name|uid[:group|gid]"))
    var user: String?

    @Option(help: ArgumentHelp("The program that gets the command as its arguments.", valueName: "program"))
    var entrypoint: String?

    @Option(help: ArgumentHelp("The guest's host name. Default: the VM's name.", valueName: "name"))
    var hostname: String?

    /// The shell of images that name no command of their own.
    static let defaultCommand = ["/bin/sh"]

    func command(_ arguments: [String], terminal size: GuestCommand.TerminalSize?) throws -> GuestCommand {
        var all = (entrypoint.map { [$0] } ?? []) + arguments
        if all.isEmpty { all = Self.defaultCommand }
        var variables: [String: String] = [:]
        if terminal, let value = getenv("TERM") { variables["TERM"] = String(cString: value) }
        for path in envFile { try variables.merge(Self.variables(ofFile: path)) { $1 } }
        for entry in environment {
            if let (name, value) = try Self.variable(entry) { variables[name] = value }
        }
        return GuestCommand(
            all, environment: variables, workingDirectory: workingDirectory, user: user,
            terminal: terminal ? size : nil,
            hasStandardInput: interactive)
    }

    /// `NAME=value`, or `NAME` for the value that smartvm has; nil if it has none.
    static func variable(_ entry: String) throws -> (String, String)? {
        let name = String(entry.prefix { $0 != "=" })
        guard !name.isEmpty else {
            throw ValidationError("--env \(entry): a variable needs a name. Write --env NAME=value.")
        }
        if name.utf8.count < entry.utf8.count { return (name, String(entry.dropFirst(name.count + 1))) }
        return getenv(name).map { (name, String(cString: $0)) }
    }

    private static func variables(ofFile path: String) throws -> [String: String] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ValidationError("--env-file \(path): \(String(cString: strerror(errno)))")
        }
        let text = String(decoding: data, as: UTF8.self)
        var variables: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            if let (name, value) = try variable(String(line)) { variables[name] = value }
        }
        return variables
    }
}
