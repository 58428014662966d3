internal import GuestProtocol
internal import Linux

/// Starts commands with the guest's own accounts and programs.
struct CommandLauncher {
    /// Where the guest's accounts are.
    var passwdPath = "/etc/passwd"
    var groupPath = "/etc/group"

    /// A started command and the agent's side of its streams.
    struct Started: ~Copyable {
        let child: ChildProcess
        var streams: CommandStreams.AgentSide
    }

    func start(_ request: ExecRequest) throws(CommandFailure) -> Started {
        guard let name = request.arguments.first else { throw CommandFailure(125, "no command was given") }
        let user = try resolve(request.user ?? "0")
        let directory = request.workingDirectory ?? "/"
        let environment = CommandEnvironment.complete(
            request.environment, user: user, terminal: request.terminal != nil)
        let searchPath = CommandEnvironment.value("PATH", in: environment) ?? ProgramLookup.defaultSearchPath
        let path = try ProgramLookup.path(of: name, searchPath: searchPath, workingDirectory: directory)

        var spawn = Spawn(path, arguments: request.arguments)
        spawn.environment = environment
        spawn.workingDirectory = directory
        spawn.newSession = true
        spawn.controllingTerminal = request.terminal != nil
        spawn.identity = Spawn.Identity(user: user.userID, group: user.groupID, groups: user.groups)

        let streams: CommandStreams
        do throws(Errno) {
            if let size = request.terminal {
                streams = try .terminal(size)
            } else {
                streams = try .pipes(withStdin: request.wantsStdin)
            }
        } catch {
            throw CommandFailure(125, "\(name): no pipe or terminal for it: \(error)")
        }
        spawn.descriptors = streams.command.numbers()
        do throws(Spawn.Failure) {
            return Started(child: try spawn.start().child, streams: streams.agent)
        } catch {
            throw Self.explanation(of: error, spawn, name)
        }
    }

    /// The account of a user specification. Without account files everyone is only a number.
    private func resolve(_ specification: String) throws(CommandFailure) -> ResolvedUser {
        let passwd = (try? File.read(passwdPath, limit: 16 << 20)) ?? []
        let group = (try? File.read(groupPath, limit: 16 << 20)) ?? []
        do throws(UnknownAccount) {
            return try ResolvedUser(specification, passwd: passwd, group: group)
        } catch {
            switch error.kind {
            case .user:
                throw CommandFailure(
                    125, "user \(error.name): not in \(passwdPath) of the guest; give a number or make the user")
            case .group:
                throw CommandFailure(
                    125, "group \(error.name): not in \(groupPath) of the guest; give a number or make the group")
            }
        }
    }

    private static func explanation(of failure: Spawn.Failure, _ spawn: Spawn, _ name: String) -> CommandFailure {
        switch failure.stage {
        case .execute where failure.errno == .invalidArgument:
            CommandFailure(
                125, "\(name): an argument, a variable or a path holds a NUL byte, which no program can be given")
        case .execute:
            ProgramLookup.explanation(of: failure.errno, path: spawn.path, name: name)
        case .workingDirectory:
            CommandFailure(126, "working directory \(spawn.workingDirectory ?? "/"): \(failure.errno)")
        case .clone:
            CommandFailure(125, "\(name): no new process: \(failure.errno)")
        default:
            CommandFailure(125, "\(name): \(failure)")
        }
    }
}
