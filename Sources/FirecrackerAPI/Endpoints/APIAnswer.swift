/// What a request that succeeds is answered with.
public enum APIAnswer: Hashable, Sendable {
    /// Status 204, without a body.
    case done
    case instanceInfo(InstanceInfo)
    case version(VersionInfo)
    case vmConfiguration(VMConfiguration)
    case machineConfig(MachineConfig)
    case balloon(BalloonConfig)
    case balloonStatistics(BalloonStatistics)
    case balloonHintingStatus(BalloonHintingStatus)
    case memoryHotplug(MemoryHotplugStatus)
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
