import Foundation
import Glibc
import GuestFiles
import GuestProtocol
import Linux

/// A directory of one test's own, removed with the value.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "smartvm-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
    func bytes(_ name: String) -> [UInt8] { Array("\(path)/\(name)".utf8) }

    @discardableResult
    func shell(_ script: String, input: [UInt8] = []) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-ec", script]
        process.currentDirectoryURL = URL(fileURLWithPath: path)
        let file = path + ".input"
        try Data(input).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
        let output = Foundation.Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ShellFailure(output: text) }
        return text
    }

    struct ShellFailure: Error {
        var output: String
    }

    /// Every file below `name` with all that a copy keeps.
    func listing(_ name: String, withTimes: Bool = true) throws -> String {
        try shell(
            """
            cd \(name); find . -printf '%P %y %m %U:%G %s %l \(withTimes ? "%T@" : "")\\n' | sed 's/^ d/. d/; / d /s/ [0-9]*  / /' | sort
            find . -type f -exec sha256sum {} + | sort -k2
            """)
    }

    /// A tree with everything that can be copied, and three things that cannot.
    func makeTree(_ name: String) throws {
        try shell(
            """
            mkdir -p \(name)/dir/empty "\(name)/a b"; cd \(name)
            echo hello > hello; chmod 640 hello; touch -d '2001-02-03 04:05:06.789012345' hello
            : > nothing; head -c 700000 /dev/urandom > dir/large; chmod 4755 dir/large
            ln -s ../nowhere dangling; ln -s hello link; ln hello dir/second
            truncate -s 50M sparse; printf data | dd of=sparse bs=1 seek=20000000 conv=notrunc status=none
            truncate -s 3M hole
            printf x > "$(printf 'not\\377utf8')"; printf y > "a b/$(printf 'line\\nend')"
            long=$(printf 'n%.0s' $(seq 200)); mkdir -p $long/$long; echo deep > $long/$long/$long
            ln -s /$long/$long longlink
            touch -d '1960-05-05 00:00:00.5' dir/old 2>/dev/null || : > dir/old
            chmod 1777 "a b"; chmod 500 dir/empty; touch -h -d '2011-01-01' link; touch -d '2010-01-01' dir dir/empty
            if [ $(id -u) = 0 ]; then chown 12345:3000000000 hello dir; fi
            """)
    }
}

extension ArchiveBuffer {
    /// An archive of these members, files with contents.
    static func of(_ members: [(ArchiveEntry, [UInt8])]) throws -> ArchiveBuffer {
        let buffer = ArchiveBuffer()
        let writer = ArchiveWriter(buffer)
        for (entry, contents) in members {
            var entry = entry
            if entry.kind == .file { entry.size = Int64(contents.count) }
            try writer.begin(entry)
            contents.withUnsafeBytes { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let room = buffer.room()
                    let piece = rest.prefix(room.count)
                    room.copyBytes(from: piece)
                    buffer.commit(piece.count)
                    rest = rest.dropFirst(piece.count)
                }
            }
            try writer.endData(count: Int64(contents.count))
        }
        try writer.finish()
        return ArchiveBuffer(buffer.bytes)
    }
}

func entry(_ name: String, _ kind: ArchiveEntry.Kind = .file, mode: UInt32 = 0o644) -> ArchiveEntry {
    ArchiveEntry(name: Array(name.utf8), kind: kind, mode: mode)
}

func unpack(
    _ archive: any ArchiveSource, to path: [UInt8], root: String?, keepsOwners: Bool = true,
    change: (inout TreeUnpacker.Options) -> Void = { _ in }
) throws(TransferError) -> FileSummary {
    var options = TreeUnpacker.Options(
        root: root.map { Array($0.utf8) }, keepsOwners: keepsOwners, keepsSpecialModes: true)
    change(&options)
    return try TreeUnpacker(archive, to: path, options).unpack()
}
