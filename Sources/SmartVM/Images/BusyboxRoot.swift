internal import Linux

/// A root file system of one program: busybox, under the name of each of its applets.
struct BusyboxRoot: Sendable {
    /// Statically linked.
    let busybox: String

    private static let directories = [
        "bin", "dev", "etc", "home", "mnt", "proc", "run", "sbin", "sys", "usr/bin", "usr/sbin",
        "var/log",
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
        let tree = try ImageTree(root: "\(scratch)/root")
        for directory in Self.directories { try tree.directory(directory) }
        for sticky in ["tmp", "var/tmp"] { try tree.directory(sticky, mode: 0o1777) }
        try tree.directory("root", mode: 0o700)
        for (path, text) in Self.files { try tree.file(path, Array(text.utf8)) }

        // Names of one file, not links to a path: all of them together cost one inode, and resolving one costs no detour.
        try tree.file("bin/busybox", try File.read(busybox), mode: 0o755)
        let applets = try await Tool(name: busybox, purpose: "list its applets", package: "busybox-static")
            .run(["--list-full"])
        for applet in applets.split(separator: "\n") where applet != "linuxrc" && !File.exists("\(tree.root)/\(applet)")
        {
            if let slash = applet.lastIndex(of: "/") { try tree.directory(String(applet[..<slash])) }
            try File.link("\(tree.root)/bin/busybox", to: "\(tree.root)/\(applet)")
        }
        try await ExtImage(path: image).make(of: tree.root, size: 8 << 20)
    }
}
