/// How far the making of an image has come.
public struct ImageProgress: Hashable, Sendable {
    /// What is being done, in words for a person: `Downloading linux-image-6.1.0-42-cloud-amd64`.
    public var step: String
    /// The part of the whole that is done, from 0 to 1; it never goes back.
    public var fraction: Double

    public init(step: String, fraction: Double) {
        self.step = step
        self.fraction = fraction
    }

    /// Receives each report, on any thread, in order. What it throws ends the work and is thrown to whoever asked for it.
    public typealias Handler = @Sendable (ImageProgress) throws -> Void
}
