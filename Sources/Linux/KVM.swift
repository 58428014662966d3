internal import CLinux
internal import Glibc

/// The kernel's hypervisor by its ioctls (Documentation/virt/kvm/api.rst): as much of it as runs one virtual CPU on one page table.
///
/// Descriptors are inherited by nobody and closed with their values; the kernel frees a VM with the last of its descriptors.
public struct KVM: ~Copyable, Sendable {
    private let system: Descriptor

    /// Opens the device.
    public init(device: String = "/dev/kvm") throws(Errno) {
        system = try Descriptor.open(device, O_RDWR)
    }

    /// 12 on every kernel since 2.6.22.
    public borrowing func apiVersion() throws(Errno) -> Int32 {
        try Self.control(system.rawValue, CLINUX_KVM_GET_API_VERSION, 0)
    }

    /// What a virtual CPU did until it was stopped.
    public struct Run: Hashable, Sendable {
        /// The value of its RCX register.
        public var counter: UInt64
        /// CPU time of the thread that ran it, guest and kernel together.
        public var cpuTime: Duration
        /// Why it stopped (`KVM_EXIT_*`), or nil when the time was up.
        public var exitReason: UInt32?

        public init(counter: UInt64, cpuTime: Duration, exitReason: UInt32?) {
            self.counter = counter
            self.cpuTime = cpuTime
            self.exitReason = exitReason
        }
    }

    #if arch(x86_64)
        /// Runs machine code in 64-bit mode, ring 0, on a new VM of 64 KiB, until the time is up.
        ///
        /// The thread is not left to a signal handler: a timer's signal is pending for it alone, which ends KVM_RUN, and is then taken
        /// from the queue. Blocks the thread.
        ///
        /// - Parameters:
        ///   - code: At most 4 KiB, placed at 0x1000. RCX is 0 at its start; it has no stack and no interrupts.
        ///   - time: How long it runs.
        public borrowing func run(_ code: [UInt8], for time: Duration) throws(Errno) -> Run {
            guard code.count <= 0x1000 else { throw .invalidArgument }
            let machine = Descriptor(owning: try Self.control(system.rawValue, CLINUX_KVM_CREATE_VM, 0))
            let memory = try KVMMapping(descriptor: -1, size: KVMLayout.memorySize)
            KVMLayout.fill(memory.address, code)
            // Older Intel CPUs need three pages for real mode; the place is the one that QEMU uses.
            _ = try? Self.control(machine.rawValue, CLINUX_KVM_SET_TSS_ADDR, 0xfffb_d000)
            var region = kvm_userspace_memory_region(
                slot: 0, flags: 0, guest_phys_addr: 0, memory_size: UInt64(KVMLayout.memorySize),
                userspace_addr: UInt64(UInt(bitPattern: memory.address)))
            try Self.control(machine.rawValue, CLINUX_KVM_SET_USER_MEMORY_REGION, &region)

            let cpu = Descriptor(owning: try Self.control(machine.rawValue, CLINUX_KVM_CREATE_VCPU, 0))
            let shared = try KVMMapping(
                descriptor: cpu.rawValue, size: Int(try Self.control(system.rawValue, CLINUX_KVM_GET_VCPU_MMAP_SIZE, 0))
            )
            var special = kvm_sregs()
            try Self.control(cpu.rawValue, CLINUX_KVM_GET_SREGS, &special)
            KVMLayout.enterLongMode(&special)
            try Self.control(cpu.rawValue, CLINUX_KVM_SET_SREGS, &special)
            var registers = kvm_regs()
            registers.rip = UInt64(KVMLayout.code)
            registers.rflags = 2
            try Self.control(cpu.rawValue, CLINUX_KVM_SET_REGS, &registers)

            var interrupt = try KVMInterrupt(cpu: cpu.rawValue)
            let start = Self.threadTime()
            var exitReason: UInt32?
            try interrupt.arm(after: time)
            if clinux_ioctl(cpu.rawValue, CLINUX_KVM_RUN, 0) >= 0 {
                exitReason = shared.address.assumingMemoryBound(to: kvm_run.self).pointee.exit_reason
            } else if Errno.current != .interrupted {
                throw .current
            }
            let cpuTime = Self.threadTime() - start
            try Self.control(cpu.rawValue, CLINUX_KVM_GET_REGS, &registers)
            return Run(counter: registers.rcx, cpuTime: cpuTime, exitReason: exitReason)
        }
    #endif

    private static func threadTime() -> Duration {
        var now = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
    }

    @discardableResult
    private static func control(_ descriptor: Int32, _ request: UInt, _ argument: UInt) throws(Errno) -> Int32 {
        try systemCall { clinux_ioctl(descriptor, request, argument) }
    }

    private static func control<Value>(_ descriptor: Int32, _ request: UInt, _ value: inout Value) throws(Errno) {
        let result = withUnsafeMutablePointer(to: &value) { clinux_ioctl(descriptor, request, UInt(bitPattern: $0)) }
        if result < 0 { throw .current }
    }
}
