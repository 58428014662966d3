import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("The machine")
struct QEMUMachineTests {
    @Test("ended by its guest unless QEMU says otherwise")
    func ending() {
        func ending(_ end: ChildProcess.Ending, host: Bool = false, _ complaint: String? = nil) -> QEMUMachine.Ending {
            QEMUMachine.ending(end, hostEndedIt: host, complaint: complaint)
        }
        #expect(ending(.exited(0)) == .guest)
        #expect(ending(.exited(0)).exitStatus == 0)
        #expect(ending(.exited(0), host: true) == .failed("QEMU was ended from outside."))
        #expect(
            ending(.exited(0), "terminating on signal 15 from pid 7")
                == .failed("QEMU was ended from outside: terminating on signal 15 from pid 7"))
        #expect(ending(.exited(1), "no room") == .failed("QEMU ended with status 1: no room"))
        #expect(ending(.signaled(9)) == .failed("QEMU was ended by signal 9."))
        #expect(ending(.signaled(9)).exitStatus == 1)
    }

    @Test("is refused before QEMU runs if it cannot be")
    func refused() throws {
        func fault(_ change: (inout MachineDescription) -> Void) -> String? {
            let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
            defer { close(null) }
            var description = MachineDescription(kernel: null)
            change(&description)
            do throws(MachineFault) {
                // A program that would say that it was started.
                _ = try QEMUMachine(description, options: .init(qemuBinary: "/bin/false"))
                return nil
            } catch {
                return error.description
            }
        }
        #expect(fault { _ in }?.hasSuffix("Kernel Loader: Unable to read elf header") == true)
        #expect(fault { $0.memoryMiB = 0 }?.hasPrefix("Invalid Memory Configuration: Total sum") == true)
        #expect(fault { $0.memoryMiB = 1 << 40 }?.hasPrefix("Invalid Memory Configuration: Cannot create") == true)
        #expect(fault { $0.memoryMiB = .max }?.hasPrefix("Invalid Memory Configuration: Total sum") == true)
        #expect(fault { $0.cpuCount = 33 }?.contains("33") == true)
    }

    @Test("a QEMU that ends at once is a fault, and leaves no process")
    func failedStart() throws {
        var template = Array("/tmp/machine-test-XXXXXX".utf8CString)
        let kernel = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map { mkstemp($0) } ?? -1 }
        let path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        defer {
            close(kernel)
            unlink(path)
        }
        let image = ELFKernelTests.image()
        #expect(image.withUnsafeBytes { write(kernel, $0.baseAddress, $0.count) } == image.count)
        // Not standard output, which belongs to the test run.
        var description = MachineDescription(kernel: kernel)
        description.console = .file(kernel)
        for program in ["/bin/false", "/bin/true", "/nowhere/qemu"] {
            do throws(MachineFault) {
                let machine = try QEMUMachine(description, options: .init(qemuBinary: program))
                // A status of 0 without a word is what a very fast guest looks like.
                #expect(program == "/bin/true")
                machine.handle(readable: machine.descriptors.last ?? -1)
                #expect(machine.ending == .guest)
            } catch {
                #expect(program != "/bin/true" && !error.description.isEmpty)
            }
        }
    }
}
