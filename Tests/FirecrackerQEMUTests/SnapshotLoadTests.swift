import FirecrackerAPI
import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

/// What is wrong with a snapshot before there is a QEMU.
@Suite("Loading a snapshot")
struct SnapshotLoadTests {
    private final class Folder {
        let path: String

        init() {
            var template = Array("/tmp/load-test-XXXXXX".utf8CString)
            path = template.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
            }
        }

        deinit { try? FileTree.removeAll(path) }
    }

    private let folder = Folder()
    private var statePath: String { "\(folder.path)/state" }
    private var memoryPath: String { "\(folder.path)/memory" }

    private static let prefix = "Load snapshot error: Failed to restore from snapshot: "

    /// The fault of a load in a process of its own, without the prefix.
    private func fault(_ change: (inout SnapshotLoad) -> Void = { _ in }) throws -> String? {
        let log = Log()
        try log.configure(LoggerConfig(level: .off))
        let controller = Controller(
            instanceID: "test", resources: VMResources(), options: QEMUMachine.Options(qemuBinary: "/nowhere/qemu"),
            log: log, metrics: Metrics())
        var load = SnapshotLoad(
            snapshotPath: statePath, memBackend: MemoryBackend(backendPath: memoryPath, backendType: .file))
        change(&load)
        do throws(APIFault) {
            _ = try controller.perform(.loadSnapshot(load), .beforeStart)
            return nil
        } catch {
            #expect(controller.fatal == .restoreFailed)
            return error.message.hasPrefix(Self.prefix)
                ? String(error.message.dropFirst(Self.prefix.count)) : error.message
        }
    }

    private func write(_ change: (inout SnapshotState) -> Void = { _ in }, memory: Int = 64 << 20) throws {
        var state = SnapshotStateTests.state()
        state.configuration.drives = []
        state.configuration.networkInterfaces = []
        state.configuration.vsock = nil
        state.isPCIEnabled = false
        change(&state)
        state.slots = PCISlots()
        for device in state.configuration.removableDevices { _ = state.slots.take(for: device) }
        try File.write(state.encoded, to: statePath)
        try File.write([], to: memoryPath)
        let file = try Descriptor.open(memoryPath, O_RDWR)
        try SparseFile.setSize(memory, of: file.rawValue)
    }

    @Test("The state file is looked at first")
    func state() throws {
        let failure = "Failed to get snapshot state from file: "
        #expect(try fault() == failure + "Failed to open snapshot file: No such file or directory (os error 2)")
        try File.write([1, 2, 3], to: statePath)
        #expect(
            try fault()
                == failure + "Failed to load snapshot state from file: IO Error: File too short to contain CRC")
        try File.write(Array("nonsense and more".utf8), to: statePath)
        #expect(try fault() == failure + "Failed to load snapshot state from file: CRC64 validation failed")
        #expect(try fault { $0.snapshotPath = folder.path }?.contains("Is a directory (os error 21)") == true)
        try write()
        let network = NetworkOverride(ifaceId: "eth9", hostDevName: "t")
        #expect(try fault { $0.networkOverrides = [network] } == failure + "Unknown Network Device.")
        #expect(try fault { $0.vsockOverride = VsockOverride(udsPath: "/v") } == failure + "Unknown Vsock Device.")
    }

    @Test("Then the memory")
    func memory() throws {
        let failure = "Failed to load guest memory: Error creating guest memory from "
        try write(memory: 4096)
        #expect(
            try fault()
                == failure
                + "file: Failed to restore guest memory: Total sum of memory regions exceeds largest possible "
                + "file offset")
        // Sizes that no number of bytes can be counted with.
        for size: UInt in [.max, 1 << 44, 1 << 43 + 1] {
            try write { $0.configuration.machineConfig.memSizeMib = size }
            #expect(try fault()?.hasPrefix(failure + "file: Failed to restore guest memory: Total sum") == true)
        }
        #expect(
            try fault { $0.memBackend?.backendPath = "\(folder.path)/none" }
                == failure + "file: Failed to load guest memory: No such file or directory (os error 2)")
        #expect(
            try fault {
                $0.memBackend = MemoryBackend(backendPath: "\(folder.path)/none", backendType: .uffd)
            } == failure + "uffd: Failed to connect to UDS Unix stream: No such file or directory (os error 2)")
        let listener = SharedDescriptor(try UnixSocket.listen(at: "\(folder.path)/uffd"))
        defer { withExtendedLifetime(listener) {} }
        #expect(
            try fault {
                $0.memBackend = MemoryBackend(backendPath: "\(folder.path)/uffd", backendType: .uffd)
            }?.contains("backend_type File") == true)
    }

    @Test("Then the devices, and QEMU at last", arguments: [true, false])
    func devices(pci: Bool) throws {
        let failure =
            "Failed to build microVM from snapshot: Failed to restore devices: Error restoring \(pci ? "PCI" : "MMIO") "
            + "devices: "
        try write {
            $0.isPCIEnabled = pci
            $0.configuration.drives = [Drive(driveId: "d", isRootDevice: false, pathOnHost: "/none/disk")]
        }
        #expect(
            try fault()
                == failure
                + "Block: Virtio backend error: Error manipulating the backing file: No such file or directory "
                + "(os error 2) /none/disk")
        try write {
            $0.isPCIEnabled = pci
            $0.configuration.networkInterfaces = [
                NetworkInterface(ifaceId: "eth0", hostDevName: "a-name-that-is-too-long")
            ]
        }
        #expect(
            try fault()
                == failure + "Net: Failed to create a network device: Open tap device failed: Invalid interface name")
        try write {
            $0.isPCIEnabled = pci
            $0.configuration.vsock = VsockConfig(guestCid: 3, udsPath: statePath)
        }
        #expect(
            try fault()
                == failure + "VsockUnixBackend: Error binding to the host-side Unix socket: Address already in use (os "
                + "error 98)")
        #expect(
            try fault { $0.vsockOverride = VsockOverride(udsPath: "\(folder.path)/v") }
                == "Failed to build microVM from snapshot: /nowhere/qemu is no program that can be run: see the option "
                + "--qemu-binary.")
        #expect(
            try fault {
                $0.vsockOverride = VsockOverride(udsPath: "\(folder.path)/w")
                $0.clockRealtime = true
            } == "Failed to build microVM from snapshot: clock_realtime requested but not present in the snapshot state"
        )
    }
}
