/// How far the making of an image has come.
public struct ImageProgress: Hashable, Sendable {
    /// What is being done, in words for a person: `Downloading linux-image-6.1.0-42-cloud-amd64`.
    public var step: String
    /// The part of the whole that is done, from 0 to 1; it never goes back.
    public var fraction: Double
    /// Bytes of this step that have come, where it is a download or a copy.
    public var completedBytes: Int64?
    /// Bytes that this step has in all, where that is known.
    public var totalBytes: Int64?

    /// A report; bytes are left out where a step has none.
    public init(step: String, fraction: Double, completedBytes: Int64? = nil, totalBytes: Int64? = nil) {
        self.step = step
        self.fraction = fraction
        self.completedBytes = completedBytes
        self.totalBytes = totalBytes
    }

    /// Receives each report, on any thread, in order. What it throws ends the work and is thrown to whoever asked for it.
    public typealias Handler = @Sendable (ImageProgress) throws -> Void
}
