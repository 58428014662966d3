/// What a request that succeeds is answered with.
public enum APIAnswer: Hashable, Sendable {
    /// Status 204, without a body.
    case done
    /// To `GET /`.
    case instanceInfo(InstanceInfo)
    /// To `GET /version`.
    case version(VersionInfo)
    /// To `GET /vm/config`.
    case vmConfiguration(VMConfiguration)
    /// To `GET /machine-config`.
    case machineConfig(MachineConfig)
    /// To `GET /balloon`.
    case balloon(BalloonConfig)
    /// To `GET /balloon/statistics`.
    case balloonStatistics(BalloonStatistics)
    /// To `GET /balloon/hinting/status`.
    case balloonHintingStatus(BalloonHintingStatus)
    /// To `GET /hotplug/memory`.
    case memoryHotplug(MemoryHotplugStatus)
    /// To `GET /mmds`: the metadata store.
    case mmds(JSONValue)

    /// The body, nil for status 204.
    public var encoded: [UInt8]? {
        switch self {
        case .done: nil
        case .instanceInfo(let body): body.json(showsNulls: true)
        case .version(let body): body.json(showsNulls: true)
        case .vmConfiguration(let body): body.json(showsNulls: true)
        case .machineConfig(let body): body.json(showsNulls: true)
        case .balloon(let body): body.json(showsNulls: true)
        case .balloonStatistics(let body): body.json(showsNulls: true)
        case .balloonHintingStatus(let body): body.json(showsNulls: true)
        case .memoryHotplug(let body): body.json(showsNulls: true)
        case .mmds(let body): body.encoded
        }
    }
}
