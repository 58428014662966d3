internal import FirecrackerAPI
internal import FirecrackerClient

extension VMConfig {
    /// Everything that is wrong with the configuration, a sentence each; empty if nothing is. Looks at no file.
    public func validate() -> [String] {
        var errors: [String] = []
        if let id, !Self.isName(id) {
            errors.append(
                "the name '\(id)' must be 1 to 63 letters, digits or hyphens, and begin with a letter or digit")
        }
        if let hostname,
            !hostname.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ Self.isName($0) })
        {
            errors.append("the host name '\(hostname)' must be letters, digits and hyphens, in parts of at most 63")
        }
        if !(1...32).contains(machineConfig.vcpuCount) {
            errors.append("machineConfig.vcpuCount must be between 1 and 32, not \(machineConfig.vcpuCount)")
        }
        if machineConfig.memSizeMib < 1 {
            errors.append("machineConfig.memSizeMib must be at least 1, not \(machineConfig.memSizeMib)")
        }
        if drives.filter(\.isRootDevice).count > 1 {
            errors.append("only one drive can be the root device")
        }
        if Set(drives.map(\.driveId)).count < drives.count {
            errors.append("drives must have different driveIds")
        }
        for drive in drives where !drive.driveId.utf8.allSatisfy({ Self.isAlphanumeric($0) || $0 == UInt8(ascii: "_") })
        {
            errors.append("the driveId '\(drive.driveId)' must be letters, digits and underscores")
        }
        if let arguments = bootSource.bootArgs, arguments.utf8.count >= 2048 {
            errors.append("bootSource.bootArgs has \(arguments.utf8.count) bytes; a kernel takes 2047")
        }
        let texts = [id, image, hostname, bootSource.kernelImagePath, bootSource.initrdPath, bootSource.bootArgs]
        if (texts.compactMap { $0 } + drives.map(\.pathOnHost)).contains(where: { $0.utf8.contains(0) }) {
            errors.append("no text of a configuration may hold a NUL character")
        }
        return errors
    }

    private static func isName(_ name: some StringProtocol) -> Bool {
        (1...63).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "-")
            && name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

extension VMConfig {
    /// - Throws: `INVALID_CONFIG` with all that is wrong.
    func requireValid() throws(SmartVMError) {
        let problems = validate()
        guard problems.isEmpty else {
            throw SmartVMError(
                .invalidConfiguration, "The VM's configuration is wrong: \(problems.joined(separator: "; ")).")
        }
    }
}

extension VMConfig.MachineConfig {
    /// Changes what an update names.
    mutating func apply(_ update: MachineConfigUpdate) {
        if let count = update.vcpuCount { vcpuCount = Int(count) }
        if let size = update.memSizeMib { memSizeMib = Int(clamping: size) }
    }
}
