internal import FirecrackerAPI

/// The rules for the values of a ``VMConfig``, one function for each part; what it finds is collected, not thrown.
struct ConfigurationValidator {
    private(set) var problems: [ConfigurationProblem] = []

    mutating func check(_ config: VMConfig) {
        let root = ConfigurationPath.root
        check(identityOf: config)
        check(config.bootSource, hasImage: config.image != nil, at: root.key("bootSource"))
        check(config.machineConfig, hasCPUConfig: config.cpuConfig != nil, at: root.key("machineConfig"))
        if let cpuConfig = config.cpuConfig { check(cpuConfig, at: root.key("cpuConfig")) }
        check(drives: config.drives)
        check(pmem: config.pmem)
        check(rootDevicesOf: config)
        check(interfaces: config.networkInterfaces)
        if let vsock = config.vsock { check(vsock, at: root.key("vsock")) }
        if let balloon = config.balloon {
            check(balloon, memory: config.machineConfig.memSizeMib, at: root.key("balloon"))
        }
        if let memory = config.memoryHotplug { check(memory, at: root.key("memoryHotplug")) }
        check(config.entropy?.rateLimiter, at: root.key("entropy").key("rateLimiter"))
        if let mmds = config.mmds { check(mmds, interfaces: config.networkInterfaces, at: root.key("mmds")) }
        if let serial = config.serial { check(serial, at: root.key("serial")) }
        require(config.metrics.map { !$0.metricsPath.isEmpty }, root.key("metrics").key("metricsPath"), "is required")
        refuseEmpty(config.logger?.logPath, root.key("logger").key("logPath"))
        for (path, text) in config.texts(at: root) {
            require(!text.utf8.contains(0), path, "must not contain a NUL character")
        }
    }

    // MARK: Words

    /// Notes a problem where the condition is false; nil is no problem.
    mutating func require(_ condition: Bool?, _ path: ConfigurationPath, _ text: @autoclosure () -> String) {
        if condition == false { problems.append(ConfigurationProblem(path: path, text: text())) }
    }

    mutating func refuseEmpty(_ text: String?, _ path: ConfigurationPath) {
        require(text.map { !$0.isEmpty }, path, "must not be empty")
    }

    /// Only what is not in the range is said, by the limit that it breaks.
    mutating func check(_ number: Int?, in range: ClosedRange<Int>, _ path: ConfigurationPath) {
        guard let number else { return }
        require(number >= range.lowerBound, path, "must be >= \(range.lowerBound)")
        require(number <= range.upperBound, path, "must be <= \(range.upperBound)")
    }

    /// An id that stands in a path of the API, and is the only one of its kind.
    mutating func check(id: String, _ path: ConfigurationPath, unlike others: some Sequence<String>) {
        if id.isEmpty { return require(false, path, "is required") }
        require(Endpoint.isIdentifier(id), path, "must be letters, digits and underscores")
        require(!others.contains(id), path, "must be unique: there is another '\(id)'")
    }

    mutating func check(_ limiter: VMConfig.RateLimiter?, at path: ConfigurationPath) {
        check(limiter?.bandwidth, at: path.key("bandwidth"))
        check(limiter?.ops, at: path.key("ops"))
    }

    /// Firecracker takes a bucket that cannot work for no limit, without a word.
    mutating func check(_ bucket: VMConfig.TokenBucket?, at path: ConfigurationPath) {
        check(bucket?.size, in: 1...Int.max, path.key("size"))
        check(
            bucket?.refillTime, in: 1...Int(clamping: TokenBucket.maximumRefillTime), path.key("refillTime"))
        check(bucket?.oneTimeBurst, in: 0...Int.max, path.key("oneTimeBurst"))
    }
}
