/// Where the serial console goes: the body of `PUT /serial`.
public struct SerialConfig: WireModel {
    /// A file for its output; nil: standard output, with standard input as its input.
    public var serialOutPath: String?
    /// Limit of the output, in bytes.
    public var rateLimiter: TokenBucket?

    /// Each parameter sets the property of its name, which says what it means.
    public init(serialOutPath: String? = nil, rateLimiter: TokenBucket? = nil) {
        self.serialOutPath = serialOutPath
        self.rateLimiter = rateLimiter
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "SerialConfig", initial: SerialConfig(),
        [
            .optional("serial_out_path", \.serialOutPath, .path),
            .optional("rate_limiter", \.rateLimiter),
        ])
}
