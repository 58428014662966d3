import ArgumentParser
import FoundationEssentials
import SmartVM

/// `smartvm doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check whether VMs can run on this machine, and say what is missing.",
        discussion: """
            The exit status is 0 if `smartvm run` can work. A warning limits what VMs can do.

            EXAMPLES:
              smartvm doctor
              smartvm doctor --vmm qemu --format json
            """)

    @Flag(help: "The same as --format json.")
    var json = false

    @Option(help: "How to print what was found.")
    var format = OutputFormat.table

    @Option(help: "The VMM to check: firecracker, qemu or a path.")
    var vmm: String?

    func run() async throws {
        await SmartVMCommand.reclaimAbandoned()
        let report = await Doctor(selection: vmm.map { VMMSelection($0) } ?? .automatic).examine()
        if json || format == .json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            print(Self.table(report, width: 80))
        }
        if !report.ok { throw ExitCode.failure }
    }

    /// One paragraph per check, each cure on a line of its own so that it can be copied.
    static func table(_ report: DoctorReport, width: Int) -> String {
        var lines: [String] = []
        for check in report.checks {
            let word =
                switch check.status {
                case .ok: "ok"
                case .warning: "warning"
                case .failed: "FAILED"
                }
            let head = pad(word, 9) + pad(check.name, 10)
            for (index, line) in wrap(check.detail, width: width - head.count).enumerated() {
                lines.append((index == 0 ? head : pad("", head.count)) + line)
            }
            if let cure = check.cure { lines.append(pad("", head.count) + "→ " + cure) }
        }
        lines.append("")
        lines.append(
            report.ok ? "smartvm run can work." : "smartvm run cannot work before what FAILED is mended.")
        return lines.joined(separator: "\n")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func wrap(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
