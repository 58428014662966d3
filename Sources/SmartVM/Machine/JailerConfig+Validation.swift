extension JailerConfig {
    /// What is wrong with it in itself, a sentence each; nothing on this host is looked at.
    public func validate() -> [String] {
        var errors: [String] = []
        // The largest number stands for `no change` in Linux.
        if uid == .max { errors.append("jailer.uid must be at most 4294967294") }
        if gid == .max { errors.append("jailer.gid must be at most 4294967294") }
        for (field, path) in [
            ("jailerBinaryPath", jailerBinaryPath), ("chrootBaseDir", chrootBaseDir), ("netns", netns),
        ] {
            guard let path else { continue }
            if !path.hasPrefix("/") || path.utf8.contains(0) {
                errors.append("jailer.\(field) must be an absolute path, not \"\(path)\"")
            }
        }
        if let parentCgroup, !Self.isCgroupPath(parentCgroup) {
            errors.append("jailer.parentCgroup must be a relative path without \"..\", not \"\(parentCgroup)\"")
        }
        for (file, value) in cgroups.sorted(by: { $0.key < $1.key }) {
            if !Self.isCgroupFile(file) {
                errors.append("jailer.cgroups: \"\(file)\" is no file of a control group, such as cpu.max")
            }
            if value.isEmpty || value.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") }) {
                errors.append("jailer.cgroups: the value of \(file) must be one line")
            }
        }
        return errors
    }

    /// `controller.name`, of which the jailer takes the controller from what is in front of the point.
    private static func isCgroupFile(_ file: String) -> Bool {
        let parts = file.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count >= 2
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
            }
            // Sizes have capitals, as in hugetlb.2MB.max; controllers have none.
            && parts[0] == parts[0].lowercased()
    }

    private static func isCgroupPath(_ path: String) -> Bool {
        !path.utf8.contains { $0 < 0x20 }
            && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0 != "." && $0 != ".."
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
