package import FirecrackerAPI
package import GuestProtocol

/// The command that is the VM's purpose.
package struct PlannedCommand: WireModel {
    package var arguments: [String]
    /// `NAME=value`.
    package var environment: [String]
    package var workingDirectory: String?
    package var user: String?

    package init(
        arguments: [String], environment: [String] = [], workingDirectory: String? = nil, user: String? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
    }

    package static let schema = Schema(
        "PlannedCommand", initial: PlannedCommand(arguments: []),
        [
            .required("arguments", \.arguments),
            .defaulted("environment", \.environment),
            .optional("working_directory", \.workingDirectory),
            .optional("user", \.user),
        ])

    package init(_ request: ExecRequest) {
        self.init(
            arguments: request.arguments, environment: request.environment,
            workingDirectory: request.workingDirectory, user: request.user)
    }

    /// As the guest's agent takes it: without standard input, since nobody is there to type.
    package var request: ExecRequest {
        ExecRequest(
            arguments: arguments, environment: environment, workingDirectory: workingDirectory, user: user)
    }
}
