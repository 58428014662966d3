extension VMConfig {
    /// The same with every path of this host made absolute: what it means then does not depend on where it is used.
    func withAbsolutePaths() -> VMConfig {
        var config = self
        if let path = config.bootSource?.kernelImagePath {
            config.bootSource?.kernelImagePath = HostPath.absolute(path)
        }
        if let path = config.bootSource?.initrdPath { config.bootSource?.initrdPath = HostPath.absolute(path) }
        for index in config.drives.indices {
            config.drives[index].pathOnHost = config.drives[index].pathOnHost.map(HostPath.absolute)
            config.drives[index].socket = config.drives[index].socket.map(HostPath.absolute)
        }
        for index in config.pmem.indices {
            config.pmem[index].pathOnHost = HostPath.absolute(config.pmem[index].pathOnHost)
        }
        if let path = config.serial?.serialOutPath { config.serial?.serialOutPath = HostPath.absolute(path) }
        if let path = config.metrics?.metricsPath { config.metrics?.metricsPath = HostPath.absolute(path) }
        if let path = config.logger?.logPath { config.logger?.logPath = HostPath.absolute(path) }
        return config
    }
}
