/// The metrics file: the body of `PUT /metrics`.
public struct MetricsConfig: WireModel {
    /// A file or FIFO.
    public var metricsPath: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(metricsPath: String) {
        self.metricsPath = metricsPath
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "MetricsConfig", initial: MetricsConfig(metricsPath: ""), ignoresUnknownFields: true,
        [
            .required("metrics_path", \.metricsPath, .path)
        ])
}
