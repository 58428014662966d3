/// The balloon device: the body of `PUT /balloon` and the answer of `GET /balloon`.
public struct BalloonConfig: WireModel {
    /// Target size in MiB; at most the guest's memory, and 16777215.
    public var amountMib: UInt32
    /// Whether the guest may take memory back when it runs out.
    public var deflateOnOom: Bool
    /// Seconds between statistics; 0: none.
    public var statsPollingIntervalS: UInt16
    /// Whether the guest can be asked for its free pages.
    public var freePageHinting: Bool
    /// Whether the guest reports free pages on its own.
    public var freePageReporting: Bool

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        amountMib: UInt32, deflateOnOom: Bool, statsPollingIntervalS: UInt16 = 0, freePageHinting: Bool = false,
        freePageReporting: Bool = false
    ) {
        self.amountMib = amountMib
        self.deflateOnOom = deflateOnOom
        self.statsPollingIntervalS = statsPollingIntervalS
        self.freePageHinting = freePageHinting
        self.freePageReporting = freePageReporting
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "BalloonDeviceConfig", initial: BalloonConfig(amountMib: 0, deflateOnOom: false),
        [
            .required("amount_mib", \.amountMib),
            .required("deflate_on_oom", \.deflateOnOom),
            .defaulted("stats_polling_interval_s", \.statsPollingIntervalS),
            .sparse("free_page_hinting", \.freePageHinting, default: false),
            .sparse("free_page_reporting", \.freePageReporting, default: false),
        ])
}

extension BalloonConfig {
    /// The largest balloon, in MiB.
    public static let maximumAmountMib: UInt32 = 16_777_215
}

/// The body of `PATCH /balloon`.
public struct BalloonUpdate: WireModel {
    /// New target size in MiB.
    public var amountMib: UInt32

    /// Each parameter sets the property of its name, which says what it means.
    public init(amountMib: UInt32) {
        self.amountMib = amountMib
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "BalloonUpdateConfig", initial: BalloonUpdate(amountMib: 0),
        [
            .required("amount_mib", \.amountMib)
        ])
}

/// The body of `PATCH /balloon/statistics`.
public struct BalloonStatisticsUpdate: WireModel {
    /// Seconds between statistics; 0 only where it was 0 before.
    public var statsPollingIntervalS: UInt16

    /// Each parameter sets the property of its name, which says what it means.
    public init(statsPollingIntervalS: UInt16) {
        self.statsPollingIntervalS = statsPollingIntervalS
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "BalloonUpdateStatsConfig", initial: BalloonStatisticsUpdate(statsPollingIntervalS: 0),
        [
            .required("stats_polling_interval_s", \.statsPollingIntervalS)
        ])
}

/// The body of `PATCH /balloon/hinting/start`.
public struct BalloonHintingStart: WireModel {
    /// Whether the device tells the guest by itself that the run is done.
    public var acknowledgeOnStop: Bool

    /// Each parameter sets the property of its name, which says what it means.
    public init(acknowledgeOnStop: Bool = true) {
        self.acknowledgeOnStop = acknowledgeOnStop
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "StartHintingCmd", initial: BalloonHintingStart(), ignoresUnknownFields: true,
        [
            .defaulted("acknowledge_on_stop", \.acknowledgeOnStop)
        ])
}

/// The answer of `GET /balloon/hinting/status`.
public struct BalloonHintingStatus: WireModel {
    /// 0: stopped, 1: done, otherwise the number of the run.
    public var hostCmd: UInt32
    /// The last command that the guest acknowledged.
    public var guestCmd: UInt32?

    /// Each parameter sets the property of its name, which says what it means.
    public init(hostCmd: UInt32, guestCmd: UInt32? = nil) {
        self.hostCmd = hostCmd
        self.guestCmd = guestCmd
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "HintingStatus", initial: BalloonHintingStatus(hostCmd: 0),
        [
            .required("host_cmd", \.hostCmd),
            .optional("guest_cmd", \.guestCmd),
        ])
}
