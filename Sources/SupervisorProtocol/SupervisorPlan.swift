package import FirecrackerAPI

/// Everything that a supervisor needs to run a VM, and to run it again: the file `plan.json` in the VM's directory.
///
/// Theory of operation. Whoever starts a VM has libraries: it finds the VMM and the image, makes disks and networks, and writes down
/// what is left to do. The supervisor does that and nothing else, so that it stays small: it runs the VMM, says the requests to it,
/// tells the guest who it is, runs the command, keeps the logs, and says in ``LifeState`` how things stand.
package struct SupervisorPlan: WireModel {
    /// Which start of the VM this is; its state is told by that from the state of an earlier one.
    package var generation: UInt64
    /// Where state and logs go.
    package var directory: String
    /// Where the sockets and the VMM's record go. Its owner's lock is among the supervisor's descriptors.
    package var runtimeDirectory: String
    package var vmm: Program
    /// Where the VMM serves its API.
    package var apiSocket: String
    /// Where the VMM takes connections to the guest.
    package var vsockSocket: String
    /// What the VMM is asked, in order; the last one starts the guest.
    package var requests: [PlannedRequest]
    /// Whether the guest has an agent that says hello.
    package var hasAgent: Bool
    package var guest: GuestDescription
    /// Nil: the VM has no network that the supervisor serves.
    package var network: NetworkPlan?
    /// The VM ends when it does. Nil: the guest runs until it shuts down or is stopped.
    package var command: PlannedCommand?
    /// How long the guest may take until it runs.
    package var bootMilliseconds: UInt64
    /// How the VM is stopped if nobody says otherwise.
    package var stop: [StopStep]
    package var restart: RestartPolicy
    /// The VM is stopped after so long. Nil: never.
    package var lifetimeMilliseconds: UInt64?
    /// What the logs of command and console may each take.
    package var log: LogLimits
    /// Nil: nobody asks how the VM does.
    package var health: HealthCheck?
    /// The end of a pipe whose other end the VM's user holds: the VM is stopped when that goes away. Nil: the VM is nobody's.
    package var leashDescriptor: UInt32?

    package init(
        generation: UInt64, directory: String, runtimeDirectory: String, vmm: Program, apiSocket: String,
        vsockSocket: String, requests: [PlannedRequest], hasAgent: Bool, guest: GuestDescription,
        network: NetworkPlan? = nil, command: PlannedCommand? = nil, bootMilliseconds: UInt64 = 60_000,
        stop: [StopStep] = [],
        restart: RestartPolicy = .init(), lifetimeMilliseconds: UInt64? = nil, log: LogLimits = .init(),
        health: HealthCheck? = nil, leashDescriptor: UInt32? = nil
    ) {
        self.generation = generation
        self.directory = directory
        self.runtimeDirectory = runtimeDirectory
        self.vmm = vmm
        self.apiSocket = apiSocket
        self.vsockSocket = vsockSocket
        self.requests = requests
        self.hasAgent = hasAgent
        self.guest = guest
        self.network = network
        self.command = command
        self.bootMilliseconds = bootMilliseconds
        self.stop = stop
        self.restart = restart
        self.lifetimeMilliseconds = lifetimeMilliseconds
        self.log = log
        self.health = health
        self.leashDescriptor = leashDescriptor
    }

    package static let schema = Schema(
        "SupervisorPlan",
        initial: SupervisorPlan(
            generation: 0, directory: "", runtimeDirectory: "", vmm: Program(path: "", arguments: []), apiSocket: "",
            vsockSocket: "", requests: [], hasAgent: true, guest: GuestDescription()),
        [
            .required("generation", \.generation),
            .required("directory", \.directory),
            .required("runtime_directory", \.runtimeDirectory),
            .required("vmm", \.vmm),
            .required("api_socket", \.apiSocket),
            .required("vsock_socket", \.vsockSocket),
            .required("requests", \.requests),
            .required("has_agent", \.hasAgent),
            .required("guest", \.guest),
            .optional("network", \.network),
            .optional("command", \.command),
            .required("boot_milliseconds", \.bootMilliseconds),
            .required("stop", \.stop),
            .defaulted("restart", \.restart),
            .optional("lifetime_milliseconds", \.lifetimeMilliseconds),
            .defaulted("log", \.log),
            .optional("health", \.health),
            .optional("leash_descriptor", \.leashDescriptor),
        ])

    /// The file's name in the VM's directory.
    package static let fileName = "plan.json"
}

/// A program of the host.
package struct Program: WireModel {
    /// An absolute path.
    package var path: String
    /// Without argv[0].
    package var arguments: [String]
    /// `NAME=value`.
    package var environment: [String]

    package init(path: String, arguments: [String], environment: [String] = []) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
    }

    package static let schema = Schema(
        "Program", initial: Program(path: "", arguments: []),
        [
            .required("path", \.path), .required("arguments", \.arguments), .required("environment", \.environment),
        ])
}

/// A request to the VMM as it goes over the wire.
package struct PlannedRequest: WireModel {
    package var method: String
    package var path: String
    package var body: JSONValue?

    package init(method: String, path: String, body: JSONValue?) {
        self.method = method
        self.path = path
        self.body = body
    }

    /// - Throws: The fault that every server answers.
    package init(_ request: APIRequest) throws(APIFault) {
        let wire = try Endpoint.rendered(request)
        self.init(
            method: wire.endpoint.method.rawValue, path: wire.path,
            body: wire.body.flatMap { try? JSONValue(decoding: $0) })
    }

    package static let schema = Schema(
        "PlannedRequest", initial: PlannedRequest(method: "", path: "", body: nil),
        [.required("method", \.method), .required("path", \.path), .optional("body", \.body)])
}

/// What a log may take on the disk: when a file is full it is renamed, and the oldest goes.
package struct LogLimits: WireModel {
    /// Of one file.
    package var bytes: UInt64
    /// How many there are at most, the one that is written to included.
    package var files: UInt32

    package init(bytes: UInt64 = 10 << 20, files: UInt32 = 3) {
        self.bytes = bytes
        self.files = files
    }

    package static let schema = Schema(
        "LogLimits", initial: LogLimits(), [.required("bytes", \.bytes), .required("files", \.files)])
}
