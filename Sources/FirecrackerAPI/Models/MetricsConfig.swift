/// The metrics file: the body of `PUT /metrics`.
public struct MetricsConfig: WireModel {
    /// A file or FIFO.
    public var metricsPath: String

    public init(metricsPath: String) {
        self.metricsPath = metricsPath
    }

    public static let schema = Schema(
        "MetricsConfig", initial: MetricsConfig(metricsPath: ""), ignoresUnknownFields: true,
        [
            .required("metrics_path", \.metricsPath, .path)
        ])
}
