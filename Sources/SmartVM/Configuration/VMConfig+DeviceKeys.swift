internal import FirecrackerAPI

extension VMConfig.NetworkInterface: ConfigurationObject {
    static var initial: Self { Self(ifaceId: "") }

    static let keys: [ConfigurationKey<Self>] = [
        .value("ifaceId", \.ifaceId),
        .optional("hostDevName", \.hostDevName),
        .optional("guestMac", \.guestMac),
        .optional("mtu", \.mtu, since: FirecrackerVersion(1, 16)),
        .optional("rxRateLimiter", \.rxRateLimiter),
        .optional("txRateLimiter", \.txRateLimiter),
    ]
}

extension VMConfig.Vsock: ConfigurationObject {
    static var initial: Self { Self(udsPath: "") }

    static let keys: [ConfigurationKey<Self>] = [.value("guestCid", \.guestCid), .value("udsPath", \.udsPath)]
}

extension VMConfig.Entropy: ConfigurationObject {
    static var initial: Self { Self(rateLimiter: nil) }

    static let keys: [ConfigurationKey<Self>] = [.optional("rateLimiter", \.rateLimiter)]
}

extension VMConfig.Serial: ConfigurationObject {
    static var initial: Self { Self(serialOutPath: nil) }

    static let keys: [ConfigurationKey<Self>] = [
        .optional("serialOutPath", \.serialOutPath),
        .optional("rateLimiter", \.rateLimiter, since: FirecrackerVersion(1, 16)),
    ]
}

extension VMConfig.MMDS: ConfigurationObject {
    static var initial: Self { Self(networkInterfaces: []) }

    static let keys: [ConfigurationKey<Self>] = [
        .optional("version", \.version),
        .value("networkInterfaces", \.networkInterfaces),
        .optional("ipv4Address", \.ipv4Address),
        .value("imdsCompat", \.imdsCompat, default: false, since: FirecrackerVersion(1, 13)),
    ]
}

extension VMConfig.Metrics: ConfigurationObject {
    static var initial: Self { Self(metricsPath: "") }

    static let keys: [ConfigurationKey<Self>] = [.value("metricsPath", \.metricsPath)]
}

extension VMConfig.Logger: ConfigurationObject {
    static var initial: Self { Self(logPath: nil) }

    static let keys: [ConfigurationKey<Self>] = [
        .optional("logPath", \.logPath),
        .optional("level", \.level),
        .optional("showLevel", \.showLevel),
        .optional("showLogOrigin", \.showLogOrigin),
        .optional("module", \.module, since: FirecrackerVersion(1, 6)),
    ]
}

extension CPUConfig: ConfigurationObject {
    static var initial: Self { Self(kvmCapabilities: []) }

    static let keys: [ConfigurationKey<Self>] = [
        .value("kvmCapabilities", \.kvmCapabilities, default: [], since: FirecrackerVersion(1, 5)),
        .value("cpuidModifiers", \.cpuidModifiers, default: []),
        .value("msrModifiers", \.msrModifiers, default: []),
    ]
}

extension CPUIDModifier: ConfigurationObject {
    static var initial: Self { Self(leaf: "", subleaf: "", flags: 0, modifiers: []) }

    static let keys: [ConfigurationKey<Self>] = [
        .value("leaf", \.leaf),
        .value("subleaf", \.subleaf),
        .value("flags", \.flags),
        .value("modifiers", \.modifiers),
    ]
}

extension CPUIDRegisterModifier: ConfigurationObject {
    static var initial: Self { Self(register: "", bitmap: "") }

    static let keys: [ConfigurationKey<Self>] = [.value("register", \.register), .value("bitmap", \.bitmap)]
}

extension MSRModifier: ConfigurationObject {
    static var initial: Self { Self(addr: "", bitmap: "") }

    static let keys: [ConfigurationKey<Self>] = [.value("addr", \.addr), .value("bitmap", \.bitmap)]
}
