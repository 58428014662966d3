/// The entropy device: the body of `PUT /entropy`.
public struct EntropyConfig: WireModel {
    /// No limit if nil.
    public var rateLimiter: RateLimiter?

    /// Each parameter sets the property of its name, which says what it means.
    public init(rateLimiter: RateLimiter? = nil) {
        self.rateLimiter = rateLimiter
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "EntropyDeviceConfig", initial: EntropyConfig(),
        [
            .optional("rate_limiter", \.rateLimiter)
        ])
}
