internal import FirecrackerQEMU
internal import Glibc

exit(VMMProcess().run(Array(CommandLine.arguments.dropFirst())))
