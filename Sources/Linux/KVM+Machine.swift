internal import CLinux
internal import Glibc

/// Memory of mmap(2), shared, unmapped with its value.
struct KVMMapping: ~Copyable {
    let address: UnsafeMutableRawPointer
    private let size: Int

    /// - Parameter descriptor: The file; -1 for memory of no file.
    init(descriptor: Int32, size: Int) throws(Errno) {
        let flags = MAP_SHARED | (descriptor < 0 ? MAP_ANONYMOUS : 0)
        guard let address = mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor, 0), address != MAP_FAILED else {
            throw .current
        }
        self.address = address
        self.size = size
    }

    deinit {
        munmap(address, size)
    }
}

/// Ends KVM_RUN in this thread by a signal that is blocked here and let through there alone: it stays pending, and no handler runs.
struct KVMInterrupt: ~Copyable {
    private var before = sigset_t()
    private var set = sigset_t()
    private var timer: timer_t?

    init(cpu: Int32) throws(Errno) {
        sigemptyset(&set)
        sigaddset(&set, SIGALRM)
        pthread_sigmask(SIG_BLOCK, &set, &before)
        // struct kvm_signal_mask: the length of the kernel's sigset_t, then the set; nothing is blocked in it.
        let mask: [UInt8] = [8, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
        let result = mask.withUnsafeBytes {
            clinux_ioctl(cpu, CLINUX_KVM_SET_SIGNAL_MASK, UInt(bitPattern: $0.baseAddress))
        }
        if result < 0 { throw .current }
    }

    mutating func arm(after time: Duration) throws(Errno) {
        let (seconds, attoseconds) = time.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        if clinux_thread_timer(SIGALRM, nanoseconds, &timer) < 0 { throw .current }
    }

    deinit {
        if let timer { timer_delete(timer) }
        var set = set
        var before = before
        // The signal may be pending, and must not come when it is let through again.
        var now = timespec()
        while sigtimedwait(&set, nil, &now) > 0 {}
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}

#if arch(x86_64)
    /// The first 64 KiB of the machine: page tables, code, and what puts a CPU into 64-bit mode.
    enum KVMLayout {
        static let memorySize = 0x10000
        static let code = 0x1000
        private static let pageMap = 0x2000
        private static let pagePointers = 0x3000
        private static let pageDirectory = 0x4000

        /// One page of 2 MiB maps the machine to itself.
        static func fill(_ memory: UnsafeMutableRawPointer, _ code: [UInt8]) {
            let presentAndWritable: UInt64 = 3
            let large: UInt64 = 1 << 7
            memory.storeBytes(of: UInt64(pagePointers) | presentAndWritable, toByteOffset: pageMap, as: UInt64.self)
            memory.storeBytes(
                of: UInt64(pageDirectory) | presentAndWritable, toByteOffset: pagePointers, as: UInt64.self)
            memory.storeBytes(of: presentAndWritable | large, toByteOffset: pageDirectory, as: UInt64.self)
            code.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(start: memory + Self.code, count: code.count).copyMemory(from: $0)
            }
        }

        static func enterLongMode(_ registers: inout kvm_sregs) {
            registers.cr3 = UInt64(pageMap)
            // CR4.PAE; CR0: PE, ET and PG; EFER: LME and LMA.
            registers.cr4 = 1 << 5
            registers.cr0 = 1 | 1 << 4 | 1 << 31
            registers.efer = 1 << 8 | 1 << 10
            var segment = kvm_segment()
            segment.limit = 0xffff_ffff
            segment.selector = 8
            segment.type = 11
            segment.present = 1
            segment.s = 1
            segment.l = 1
            segment.g = 1
            registers.cs = segment
            segment.type = 3
            segment.selector = 16
            segment.l = 0
            segment.db = 1
            (registers.ds, registers.es, registers.fs, registers.gs, registers.ss) =
                (segment, segment, segment, segment, segment)
        }
    }
#endif
