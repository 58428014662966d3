internal import FirecrackerAPI
internal import Linux

extension Controller {
    /// Configures and starts what a file describes.
    ///
    /// - Throws: The sentence that follows `Failed to build MicroVM from Json: `.
    func start(configuration: [UInt8], metadata: @autoclosure () -> JSONValue?) throws(ConfigurationFault) {
        let failure = "Configuration for VMM from one single json failed: "
        do throws(ConfigurationFault) {
            let file = try Self.file(configuration)
            if let config = file.logger { try configureLog(config) }
            if let config = file.metrics { try openMetrics(config) }
            try apply(file, metadata: metadata())
        } catch {
            throw ConfigurationFault(failure + error.sentence)
        }
        do throws(MachineFault) {
            try start()
        } catch {
            throw ConfigurationFault("Could not Start MicroVM from one single json: \(error.description)")
        }
        log.log(.info, "Successfully started microvm that was configured from one single json")
    }

    private static func file(_ bytes: [UInt8]) throws(ConfigurationFault) -> VMConfigFile {
        do throws(JSONFault) {
            return try VMConfigFile(decoding: bytes)
        } catch {
            throw ConfigurationFault("Invalid JSON: \(error)")
        }
    }

    private func configureLog(_ config: LoggerConfig) throws(ConfigurationFault) {
        do throws(Errno) {
            try log.configure(config)
        } catch {
            throw ConfigurationFault("Logger error: Failed to open target file: \(error.withNumber)")
        }
    }

    private func openMetrics(_ config: MetricsConfig) throws(ConfigurationFault) {
        do throws(Metrics.Refusal) {
            try metrics.open(config.metricsPath)
        } catch {
            throw ConfigurationFault("Metrics error: \(error.sentence)")
        }
    }
}
