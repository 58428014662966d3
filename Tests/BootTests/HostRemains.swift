import Linux
import Testing

@testable import SmartVM

/// What VMs can leave on a host beside processes and their own directories, a line for each thing: interfaces, rules, rows and files of
/// networks, mounts, loop devices, copies of directories. What is there after a fault, and was not before, is a leak.
enum HostRemains {
    static func lines() async throws -> Set<String> {
        let text = try await Tool(name: "python3", purpose: "look at the host", package: "python3").run([
            "-c", script, Traces.dataDirectory,
        ])
        return Set(text.split(separator: "\n").map(String.init))
    }

    private static let script = #"""
        import fcntl, glob, json, os, sqlite3, subprocess, sys
        data = sys.argv[1]
        def output(*command):
            return subprocess.run(command, capture_output=True, text=True).stdout
        for link in json.loads(output("ip", "-json", "-details", "link") or "[]"):
            if link.get("linkinfo", {}).get("info_kind") in ("tun", "bridge"):
                print("interface", link["ifname"])
        for item in json.loads(output("nft", "-j", "list", "ruleset") or "{}").get("nftables", []):
            for kind, thing in item.items():
                if kind == "metainfo": continue
                thing.pop("handle", None)
                elements = thing.pop("elem", [])
                print("nft", kind, json.dumps(thing, sort_keys=True))
                for element in elements:
                    if isinstance(element, dict) and "elem" in element: element["elem"].pop("expires", None)
                    print("nft element", thing.get("table"), thing.get("name"), json.dumps(element, sort_keys=True))
        print("forwarding", open("/proc/sys/net/ipv4/ip_forward").read().strip())
        for line in open("/proc/self/mountinfo"):
            fields = line.split()
            print("mount", fields[2], fields[4])
        for line in output("losetup", "-a").splitlines(): print("loop", line)
        for folder, _, names in os.walk(data + "/networks"):
            for name in names: print("file", folder + "/" + name)
        for path in glob.glob(data + "/vms/*/copy-in"): print("copy", path)
        if os.path.exists(data + "/smartvm.db"):
            # As smartvm does, lest the journal be taken away by a process that ends.
            lock = open(data + "/smartvm.db.lock", "a")
            fcntl.flock(lock, fcntl.LOCK_EX)
            database = sqlite3.connect(data + "/smartvm.db", timeout=10)
            for table, condition in [
                ("lease", "true"), ("network", "true"), ("port", "true"), ("networkProblem", "true"),
                ("usualAddress", "vm NOT IN (SELECT id FROM vm)"), ("volumeUse", "vm NOT IN (SELECT id FROM vm)"),
            ]:
                for row in database.execute(f"SELECT * FROM {table} WHERE {condition}"): print("row", table, row)
        """#
}
