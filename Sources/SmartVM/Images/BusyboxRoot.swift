internal import Linux

/// A root file system of one program: busybox, under the name of each of its applets.
struct BusyboxRoot: Sendable {
    /// Statically linked.
    let busybox: String

    private static let directories = [
        "bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin",
        "var/log",
        "var/tmp",
    ]
    private static let files = [
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        "etc/group": "root:x:0:\nnogroup:x:65534:\n",
        "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "etc/hostname": "localhost\n",
        "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "etc/profile": "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
        "etc/os-release":
            "ID=smartvm-minimal\nNAME=\"SmartVM minimal\"\nPRETTY_NAME=\"SmartVM minimal (busybox of Debian)\"\nID_LIKE=debian\n",
    ]

    /// Makes the image as a sparse file, of which only what is used takes space.
    func make(_ image: String, scratch: String) async throws {
        let root = "\(scratch)/root"
        for directory in Self.directories { try Directory.makeAll("\(root)/\(directory)", mode: 0o755) }
        for sticky in ["tmp", "var/tmp"] { try File.setMode("\(root)/\(sticky)", 0o1777) }
        try File.setMode("\(root)/root", 0o700)
        for (path, text) in Self.files { try File.write(Array(text.utf8), to: "\(root)/\(path)", mode: 0o644) }

        // Names of one file, not links to a path: all of them together cost one inode, and resolving one costs no detour.
        try File.concatenate([busybox], to: "\(root)/bin/busybox", mode: 0o755)
        let applets = try await Tool(name: busybox, purpose: "list its applets", package: "busybox-static")
            .run(["--list-full"])
        for applet in applets.split(separator: "\n") where !File.exists("\(root)/\(applet)") {
            if let slash = applet.lastIndex(of: "/") {
                try Directory.makeAll("\(root)/\(applet[..<slash])", mode: 0o755)
            }
            try File.link("\(root)/bin/busybox", to: "\(root)/\(applet)")
        }
        try await ExtImage(path: image).make(of: root, size: 8 << 20)
    }
}
