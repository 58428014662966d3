internal import Linux

/// The network namespaces of the host, by number. Interfaces, addresses and rules belong to one.
enum NetworkNamespace {
    /// That of the calling thread.
    static func current() throws(Errno) -> String {
        "\(try FileStatus(of: "/proc/thread-self/ns/net").inode)"
    }

    /// Those that exist: a process is in them, or `ip netns` keeps them.
    ///
    /// - Returns: nil if not all processes can be looked at.
    static func all() -> Set<String>? {
        guard let processes = try? FileTree.names(at: "/proc") else { return nil }
        var namespaces: Set<String> = []
        for pid in processes where Int32(pid) != nil {
            do throws(Errno) {
                namespaces.insert("\(try FileStatus(of: "/proc/\(pid)/ns/net").inode)")
            } catch .noSuchFile, .noSuchProcess {
                continue
            } catch {
                return nil
            }
        }
        for name in (try? FileTree.names(at: "/run/netns")) ?? [] {
            if let status = try? FileStatus(of: "/run/netns/\(name)") { namespaces.insert("\(status.inode)") }
        }
        return namespaces
    }
}
