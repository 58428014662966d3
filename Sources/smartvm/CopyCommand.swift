import ArgumentParser
import Glibc
import SmartVM

/// `smartvm cp`.
struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp",
        abstract: "Copy files and directories between this host and a VM that runs.",
        usage: "smartvm cp [<options>] <vm>:<path> <path>|-\n       smartvm cp [<options>] <path>|- <vm>:<path>",
        discussion: """
            As with docker: a directory that is there takes the copy in under its own name, and what is not there becomes the copy; \
            DIR/. means what is in the directory. - is a tar archive, on standard output or, unpacked into a directory, on standard input. \
            A file of this host with a colon in its name is written ./a:b. Modes, times, links and holes are kept; devices, pipes, sockets \
            and other mounted file systems are left out, and told with status 1.

            EXAMPLES:
              smartvm run -d --name web
              smartvm cp /etc/hosts web:/tmp
              smartvm cp web:/etc/. ./etc-of-web
              tar -C /etc -c hosts | smartvm cp - web:/root
              smartvm cp web:/etc - | tar -t
            """)

    @Flag(name: [.short, .long], help: "Keep the numbers of users and groups; on this host that takes root.")
    var archive = false

    @Flag(name: [.short, .long], help: "Show no progress.")
    var quiet = false

    @Argument(
        help: "What is copied: VM:PATH, a path of this host, or - for a tar archive.",
        transform: CopyPlace.init(argument:))
    var source: CopyPlace

    @Argument(
        help: "Where it goes: VM:PATH, a path of this host, or - for a tar archive.",
        transform: CopyPlace.init(argument:))
    var destination: CopyPlace

    func validate() throws {
        switch (source, destination) {
        case (.guest, .guest):
            throw ValidationError("Files are not copied from VM to VM; copy them to this host first.")
        case (.guest, _), (_, .guest): break
        default: throw ValidationError("One of the two must be a file of a VM: VM:PATH.")
        }
        if destination == .stream, isatty(STDOUT_FILENO) == 1 {
            throw ValidationError("An archive is nothing for a terminal: send it to a file or a pipe.")
        }
    }

    func run() async throws {
        let signals = SignalEvents([SIGINT, SIGTERM, SIGHUP])
        let reporter = CopyProgressReporter(isQuiet: quiet)
        // Only then is something half-written on this host, and only then does the copying thread wait for nothing but the guest.
        let mustCleanUp = if case .host = destination { true } else { false }
        let summary = try await withThrowingTaskGroup(of: FileCopySummary?.self) { group in
            group.addTask { try await copy(reporter) }
            group.addTask {
                for await signal in signals.stream {
                    reporter.finish()
                    guard mustCleanUp else { Glibc.exit(128 + signal) }
                    throw ExitCode(128 + signal)
                }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let summary else { return }
        reporter.finish("\(summary.sentence) to \(destination).")
        guard summary.skippedCount > 0 else { return }
        StandardError.print("smartvm: \(summary.skippedText)")
        throw ExitCode.failure
    }

    private func copy(_ reporter: CopyProgressReporter) async throws -> FileCopySummary {
        var options = FileCopyOptions()
        options.keepsOwners = archive
        let progress: FileCopyProgress = { reporter.report(bytes: $0) }
        defer { reporter.finish() }
        switch (source, destination) {
        case (.guest(let vm, let path), .host(let file)):
            return try await SandboxArgument(name: vm).withSandbox {
                try await $0.copyOut(from: path, to: file, options: options, progress: progress)
            }
        case (.guest(let vm, let path), _):
            return try await SandboxArgument(name: vm).withSandbox {
                try await $0.pack(path, archive: STDOUT_FILENO, progress: progress)
            }
        case (.host(let file), .guest(let vm, let path)):
            return try await SandboxArgument(name: vm).withSandbox {
                try await $0.copyIn(from: file, to: path, options: options, progress: progress)
            }
        case (_, .guest(let vm, let path)):
            return try await SandboxArgument(name: vm).withSandbox {
                try await $0.unpack(archive: STDIN_FILENO, in: path, options: options, progress: progress)
            }
        default: throw ValidationError("One of the two must be a file of a VM: VM:PATH.")
        }
    }
}

extension CopyPlace {
    fileprivate init(argument: String) throws {
        guard let place = CopyPlace(argument) else {
            throw ValidationError("'\(argument)' names no file: give VM:PATH, a path of this host, or -.")
        }
        self = place
    }
}

extension FileCopySummary {
    /// What was copied, as the beginning of a sentence.
    fileprivate var sentence: String {
        let counts = [
            (files, "file", "files"), (directories, "directory", "directories"), (symbolicLinks, "link", "links"),
        ]
        .filter { $0.0 > 0 }.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }
        return "Copied \(counts.isEmpty ? "an archive" : counts.joined(separator: ", ")), \(ByteSize(bytes)),"
    }

    fileprivate var skippedText: String {
        let names = skipped.prefix(10).map { "\n  \($0)" }.joined()
        let rest = skippedCount > 10 ? "\n  and \(skippedCount - 10) more" : ""
        return "\(skippedCount) left out, because they are no files that are copied "
            + "(devices, pipes, sockets, other mounted file systems):\(names)\(rest)"
    }
}
