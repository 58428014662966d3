internal import Linux

/// The control group hierarchies that are mounted on this host.
struct ControlGroups: Hashable, Sendable {
    /// Where version 2 is mounted.
    var unified: String?
    /// Where each controller of version 1 is mounted.
    var controllers: [String: String] = [:]

    /// - Parameter mounts: As /proc/self/mounts has them.
    init(mounts: String) {
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4 else { continue }
            switch fields[2] {
            case "cgroup2": if unified == nil { unified = String(fields[1]) }
            case "cgroup":
                for option in fields[3].split(separator: ",") { controllers[String(option)] = String(fields[1]) }
            default: break
            }
        }
    }

    static var ofHost: ControlGroups { ControlGroups(mounts: (try? File.readText("/proc/self/mounts")) ?? "") }

    /// The version to use where none is asked for.
    var preferredVersion: JailerConfig.CgroupVersion {
        unified == "/sys/fs/cgroup" || controllers.isEmpty ? .v2 : .v1
    }

    /// Whether a controller, the part of a file's name before the point, can be used.
    func has(_ controller: String, _ version: JailerConfig.CgroupVersion) -> Bool {
        switch version {
        case .v1: return controllers[controller] != nil
        case .v2:
            guard let unified else { return false }
            // The files of the group itself belong to no controller.
            if controller == "cgroup" { return true }
            let text = (try? File.readText("\(unified)/cgroup.controllers")) ?? ""
            return text.split(whereSeparator: \.isWhitespace).contains { $0 == controller }
        }
    }

    /// The directories of the group `name`, in each hierarchy where there may be one.
    func groupDirectories(of name: String, _ version: JailerConfig.CgroupVersion) -> [String] {
        switch version {
        case .v1: Set(controllers.values).sorted().map { "\($0)/\(name)" }
        case .v2: unified.map { ["\($0)/\(name)"] } ?? []
        }
    }
}
