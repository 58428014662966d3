internal import FirecrackerAPI

extension ConfigurationValidator {
    mutating func check(identityOf config: VMConfig) {
        let root = ConfigurationPath.root
        if let id = config.id {
            require(
                Self.isName(id), root.key("id"),
                "must be 1 to 63 letters, digits and hyphens, and begin with a letter or digit, not '\(id)'")
        }
        refuseEmpty(config.image, root.key("image"))
        if let hostname = config.hostname {
            let parts = hostname.split(separator: ".", omittingEmptySubsequences: false)
            require(
                hostname.utf8.count <= 64 && parts.allSatisfy(Self.isName), root.key("hostname"),
                "must be at most 64 letters, digits and hyphens, in parts of 1 to 63 that begin with a letter or digit, "
                    + "not '\(hostname)'")
        }
    }

    mutating func check(_ source: VMConfig.BootSource?, hasImage: Bool, at path: ConfigurationPath) {
        let kernel = source?.kernelImagePath
        if hasImage {
            refuseEmpty(kernel, path.key("kernelImagePath"))
        } else {
            require(!(kernel ?? "").isEmpty, path.key("kernelImagePath"), "is required")
        }
        refuseEmpty(source?.initrdPath, path.key("initrdPath"))
        let limit = BootSource.maximumBootArgsLength
        require(
            source?.bootArgs.map { $0.utf8.count <= limit }, path.key("bootArgs"), "must be at most \(limit) bytes")
    }

    mutating func check(_ machine: VMConfig.MachineConfig, hasCPUConfig: Bool, at path: ConfigurationPath) {
        let counts = MachineConfig.vcpuCounts
        if counts.contains(machine.vcpuCount) {
            require(
                MachineConfig.allows(vcpuCount: machine.vcpuCount, smt: machine.smt), path.key("vcpuCount"),
                "must be 1 or even when machineConfig.smt is true")
        } else {
            require(
                false, path.key("vcpuCount"),
                "must be between \(counts.lowerBound) and \(counts.upperBound), not \(machine.vcpuCount)")
        }
        check(machine.memSizeMib, in: 1...Int.max, path.key("memSizeMib"))
        if machine.hugePages == .hugetlbfs2M {
            require(
                machine.memSizeMib.isMultiple(of: 2), path.key("memSizeMib"),
                "must be even when machineConfig.hugePages is 2M")
        }
        #if arch(arm64)
            require(!machine.smt, path.key("smt"), "must be false on aarch64")
        #endif
        if hasCPUConfig {
            require(
                machine.cpuTemplate ?? .empty == .empty, path.key("cpuTemplate"),
                "must not be set together with cpuConfig")
        }
    }

    mutating func check(_ config: CPUConfig, at path: ConfigurationPath) {
        for (index, capability) in config.kvmCapabilities.enumerated() {
            require(
                CPUConfigTerm.kvmCapability.accepts(capability), path.key("kvmCapabilities").element(index),
                "must be the number of a KVM capability, which may have '!' before it")
        }
        for (index, modifier) in config.cpuidModifiers.enumerated() {
            let path = path.key("cpuidModifiers").element(index)
            check(number: modifier.leaf, path.key("leaf"))
            check(number: modifier.subleaf, path.key("subleaf"))
            for (index, change) in modifier.modifiers.enumerated() {
                let path = path.key("modifiers").element(index)
                require(
                    CPUConfigTerm.register.accepts(change.register), path.key("register"),
                    "must be 'eax', 'ebx', 'ecx' or 'edx'")
                check(bitmap: change.bitmap, bits: 32, path.key("bitmap"))
            }
        }
        for (index, modifier) in config.msrModifiers.enumerated() {
            let path = path.key("msrModifiers").element(index)
            check(number: modifier.addr, path.key("addr"))
            check(bitmap: modifier.bitmap, bits: 64, path.key("bitmap"))
        }
    }

    private mutating func check(number: String, _ path: ConfigurationPath) {
        require(
            CPUConfigTerm.number.accepts(number), path,
            "must be a number of 32 bits with the prefix 0x or 0b, in a string")
    }

    private mutating func check(bitmap: String, bits: Int, _ path: ConfigurationPath) {
        require(
            CPUConfigTerm.bitmap(bits: bits).accepts(bitmap), path,
            "must be at most \(bits) of the characters 0, 1 and x, which may have the prefix 0b")
    }

    mutating func check(_ balloon: VMConfig.Balloon, memory: Int, at path: ConfigurationPath) {
        check(balloon.amountMib, in: 0...Int(BalloonConfig.maximumAmountMib), path.key("amountMib"))
        require(balloon.amountMib <= memory, path.key("amountMib"), "must be <= machineConfig.memSizeMib")
        check(balloon.statsPollingIntervalS, in: 0...Int(UInt16.max), path.key("statsPollingIntervalS"))
    }

    mutating func check(_ memory: VMConfig.MemoryHotplug, at path: ConfigurationPath) {
        let (block, slot) = (memory.blockSizeMib, memory.slotSizeMib)
        let isBlock = block >= MemoryHotplugConfig.minimumBlockSizeMib && block & (block - 1) == 0
        require(isBlock, path.key("blockSizeMib"), "must be a power of 2 and >= 2")
        check(slot, in: Int(MemoryHotplugConfig.minimumSlotSizeMib)...Int.max, path.key("slotSizeMib"))
        if isBlock {
            require(
                slot.isMultiple(of: block), path.key("slotSizeMib"), "must be a multiple of memoryHotplug.blockSizeMib")
        }
        if slot >= 1 {
            require(
                memory.totalSizeMib >= slot && memory.totalSizeMib.isMultiple(of: slot), path.key("totalSizeMib"),
                "must be a multiple of memoryHotplug.slotSizeMib, and not 0")
        }
    }

    static func isName(_ name: some StringProtocol) -> Bool {
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
