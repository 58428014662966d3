/// How a VM is started, beside what it is made of.
public struct StartOptions: Sendable {
    /// How long the guest may take until it takes commands. Default: one minute.
    public var bootTimeout: Duration
    /// Whether to wait until the guest's agent takes commands. Default, nil: if the configuration names an image or an initramfs,
    /// which then must hold the agent; otherwise the VM counts as running when its vCPUs run.
    public var waitsForAgent: Bool?
    /// Gets what the guest prints on its serial console, as it comes, on a thread of its own. The kernel then also prints what is no
    /// error, unless the configuration has boot arguments.
    public var console: (@Sendable ([UInt8]) -> Void)?
    /// Told of the steps if the image must be made first.
    public var imageProgress: ImageProgress.Handler

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        bootTimeout: Duration = .seconds(60), waitsForAgent: Bool? = nil,
        console: (@Sendable ([UInt8]) -> Void)? = nil,
        imageProgress: @escaping ImageProgress.Handler = { _ in }
    ) {
        self.bootTimeout = bootTimeout
        self.waitsForAgent = waitsForAgent
        self.console = console
        self.imageProgress = imageProgress
    }
}
