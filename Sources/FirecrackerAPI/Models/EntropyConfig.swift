/// The entropy device: the body of `PUT /entropy`.
public struct EntropyConfig: WireModel {
    /// No limit if nil.
    public var rateLimiter: RateLimiter?

    public init(rateLimiter: RateLimiter? = nil) {
        self.rateLimiter = rateLimiter
    }

    public static let schema = Schema(
        "EntropyDeviceConfig", initial: EntropyConfig(),
        [
            .optional("rate_limiter", \.rateLimiter)
        ])
}
