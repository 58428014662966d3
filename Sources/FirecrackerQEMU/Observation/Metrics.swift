internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// The VMM's counters, and the file that they are written to.
///
/// A line of JSON is written at the start of the VM, every minute, on request and at the end. Counters hold what
/// happened since the line before. What QEMU does behind this process's back (the processors' exits, the devices'
/// queues) is not counted and stays 0; of drives QEMU tells what it has counted itself.
final class Metrics {
    struct Counter: Hashable {
        var group: String
        var name: String

        init(_ group: String, _ name: String) {
            self.group = group
            self.name = name
        }
    }

    /// How often lines are written on their own.
    static let interval = Duration.seconds(60)

    private var values: [Counter: UInt64] = [:]
    private var file: SharedDescriptor?
    /// Asked before each line for what others have counted since the last.
    var collect: (() -> [(group: String, name: String, value: UInt64)])?

    func count(_ counter: Counter, by amount: UInt64 = 1) {
        values[counter, default: 0] += amount
    }

    /// Keeps a value that is no sum, for example a time that something took.
    func set(_ counter: Counter, to value: UInt64) {
        values[counter] = value
    }

    /// Opens the file, once in the life of the process; a second attempt still makes its file.
    ///
    /// - Throws: The reason, to stand behind "bad user input: ".
    func open(_ path: String) throws(Refusal) {
        let opened: SharedDescriptor
        do throws(Errno) {
            opened = SharedDescriptor(try Descriptor.openForAppending(path))
        } catch {
            throw Refusal(reason: error.withNumber)
        }
        guard file == nil else { throw Refusal(reason: "Reinitialization of metrics not allowed.") }
        file = opened
    }

    struct Refusal: Error {
        var reason: String

        var sentence: String { "Cannot initialize the metrics system due to bad user input: \(reason)" }
    }

    /// Writes a line, if there is a file.
    ///
    /// - Parameter devices: Groups and ids of the devices, for example `block` and `rootfs`.
    func write(devices: [(group: String, id: String)]) {
        guard let file else { return }
        for counted in collect?() ?? [] { count(Counter(counted.group, counted.name), by: counted.value) }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("utc_timestamp_ms")
            writer.number(now.tv_sec * 1000 + now.tv_nsec / 1_000_000)
            for group in MetricNames.groups {
                for device in devices where device.group == group.name {
                    write(group.counters, of: "\(group.name)_\(device.id)", &writer)
                }
                write(group.counters, of: group.name, &writer)
            }
        }
        let line = writer.bytes + [UInt8(ascii: "\n")]
        let written = line.withUnsafeBytes { Glibc.write(file.descriptor.rawValue, $0.baseAddress, $0.count) }
        if written == line.count {
            values = [:]
        } else {
            count(Counter("logger", "missed_metrics_count"))
        }
    }

    private func write(_ counters: [String], of group: String, _ writer: inout JSONWriter) {
        writer.name(group)
        writer.object { writer in
            for name in counters {
                writer.name(name)
                if name.hasSuffix("_agg") {
                    writer.object { writer in
                        for part in ["min_us", "max_us", "sum_us"] {
                            writer.name(part)
                            writer.number(values[Counter(group, "\(name).\(part)")] ?? 0)
                        }
                    }
                } else {
                    writer.number(values[Counter(group, name)] ?? 0)
                }
            }
        }
    }
}
