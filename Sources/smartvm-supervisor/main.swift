internal import Glibc
internal import Supervisor

exit(SupervisorProcess.run(Array(CommandLine.arguments.dropFirst())))
