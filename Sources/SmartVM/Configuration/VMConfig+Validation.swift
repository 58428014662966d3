public import FirecrackerAPI

extension VMConfig {
    /// What ``VMConfig/validate()`` has found.
    public struct Validation: Hashable, Sendable, Encodable {
        /// A sentence for each mistake, which begins with the path of the key: `vsock.guestCid must be >= 3`.
        public var errors: [String]

        /// Whether there are none.
        public var valid: Bool { errors.isEmpty }

        /// Each argument is the property of its name.
        public init(errors: [String] = []) {
            self.errors = errors
        }

        private enum CodingKeys: CodingKey {
            case valid, errors
        }

        /// Writes `valid` and `errors`.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(valid, forKey: .valid)
            try container.encode(errors, forKey: .errors)
        }
    }

    /// Finds everything that is wrong with the values, all at once: what Firecracker would refuse or silently leave out, and what could
    /// not work together. Looks at no file and asks nobody.
    public func validate() -> Validation {
        Validation(errors: problems(for: nil).map(\.description))
    }

    /// The same, and every field that this release of Firecracker does not have yet:
    /// `networkInterfaces[0].mtu needs Firecracker 1.16.0; this one is 1.14.1`.
    public func validate(for version: FirecrackerVersion) -> Validation {
        Validation(errors: problems(for: version).map(\.description))
    }

    func problems(for version: FirecrackerVersion?) -> [ConfigurationProblem] {
        var validator = ConfigurationValidator()
        validator.check(self)
        return validator.problems + (version.map(problemsOfAge) ?? [])
    }

    /// What is newer than a release.
    private func problemsOfAge(_ version: FirecrackerVersion) -> [ConfigurationProblem] {
        if version < .oldest {
            let text = "needs Firecracker \(FirecrackerVersion.oldest) or newer; this one is \(version)"
            return [ConfigurationProblem(path: .root, text: text)]
        }
        var seen: [ConfigurationPath] = []
        return requirements(at: .root).filter { $0.since > version }.compactMap { requirement in
            // Where there is no such device, its fields need not be listed.
            if seen.contains(where: { $0.overlaps(requirement.path) }) { return nil }
            seen.append(requirement.path)
            return ConfigurationProblem(
                path: requirement.path, text: "needs Firecracker \(requirement.since); this one is \(version)")
        }
    }
}
