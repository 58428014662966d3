import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("QEMU's command line")
struct QEMUCommandLineTests {
    private static let channels = QEMUCommandLine.Channels(
        standardInput: 100, standardOutput: 101, standardError: 102, monitor: 103, memory: 105, vhost: 104)

    private func make(_ change: (inout MachineDescription) -> Void = { _ in }) throws(MachineFault) -> QEMUCommandLine {
        var description = MachineDescription(kernel: 50)
        change(&description)
        return try QEMUCommandLine(
            description, memoryMap: try MemoryMap(description), kernelCommandLine: "quiet", channels: Self.channels)
    }

    /// The values of an option, in their order.
    private func values(_ option: String, _ line: QEMUCommandLine) -> [String] {
        zip(line.arguments, line.arguments.dropFirst()).filter { $0.0 == option }.map(\.1)
    }

    @Test("gives QEMU every file as a descriptor that it inherits")
    func descriptors() throws {
        let line = try make { description in
            description.initrd = 51
            description.drives = [
                MachineDescription.BlockDevice(id: "a", file: 60), .init(id: "b", file: 61, isReadOnly: true),
            ]
            description.drives[1].place = 1
            description.networkInterfaces = [
                .init(id: "eth0", tap: 70, macAddress: "02:00:00:00:00:01", mtu: 1400), .init(id: "eth1", tap: 71),
            ]
            description.networkInterfaces[1].place = 1
        }
        #expect(line.descriptors == [100, 101, 102, 105, 50, 51, 103, 60, 61, 70, 104, 71, 104])
        #expect(values("-kernel", line) == ["/proc/self/fd/4"])
        #expect(values("-initrd", line) == ["/proc/self/fd/5"])
        #expect(values("-append", line) == ["quiet"])
        #expect(values("-chardev", line).contains("socket,id=qmp,fd=6"))
        #expect(values("-add-fd", line) == ["fd=7,set=1", "fd=8,set=2"])
        #expect(
            values("-netdev", line) == [
                "tap,id=tap0,fd=9,vhost=on,vhostfd=10", "tap,id=tap1,fd=11,vhost=on,vhostfd=12",
            ])
        #expect(line.networkDescriptors == [10, 12] && line.tapDescriptors == [9, 11])
        #expect(line.vsockDescriptor == nil)
    }

    @Test("has the machine that boots without timers")
    func machine() throws {
        let line = try make { $0.cpuCount = 4 }
        #expect(values("-M", line) == ["microvm,acpi=on,pit=off,pic=off,suppress-vmdesc=on,memory-backend=memory"])
        #expect(values("-accel", line) == ["tcg,tb-size=64,thread=multi"])
        #expect(values("-smp", line) == ["4"])
        #expect(values("-m", line) == ["128M"])
        #expect(values("-global", line) == ["virtio-mmio.force-legacy=false"])
        #expect(line.arguments.contains("-no-reboot"))
    }

    @Test("lists drives in the order of the description, with their rights and cache")
    func drives() throws {
        let line = try make { description in
            description.drives = [
                .init(id: "root", file: 60, isReadOnly: true), .init(id: "data", file: 61, isWriteback: true),
            ]
            description.drives[1].place = 1
        }
        let nodes = values("-blockdev", line)
        #expect(nodes.count == 6)
        #expect(nodes[0].contains("\"read-only\":true") && nodes[0].contains("\"no-flush\":true"))
        #expect(nodes[3].contains("\"read-only\":false") && nodes[3].contains("\"no-flush\":false"))
        #expect(
            values("-device", line).filter { $0.hasPrefix("virtio-blk") } == [
                "virtio-blk-device,id=drive0,drive=throttle0,serial=root,write-cache=off,werror=report",
                "virtio-blk-device,id=drive1,drive=throttle1,serial=data,write-cache=on,werror=report",
            ])
    }

    @Test("has the socket device, the balloon and the random numbers that are asked for")
    func devices() throws {
        let line = try make { description in
            description.vsock = .init(guestCID: 42, listener: 80, path: "/run/v.sock")
            description.balloon = .init(targetMiB: 0, deflatesOnOutOfMemory: true)
            description.entropy = .init()
        }
        #expect(line.vsockDescriptor == 6)
        #expect(
            values("-device", line) == [
                "i8042", "vhost-vsock-device,id=vsock0,guest-cid=42,vhostfd=6,event_idx=off",
                "virtio-balloon-device,id=balloon0,free-page-reporting=off,deflate-on-oom=on,page-poison=off",
                "virtio-rng-device,id=entropy0,rng=rng0",
            ])
        #expect(values("-object", line).last == "rng-builtin,id=rng0")
    }

    @Test("asks this process for random numbers that are limited")
    func limitedEntropy() throws {
        var description = MachineDescription(kernel: 50)
        description.entropy = .init()
        var channels = Self.channels
        channels.entropy = 106
        let line = try QEMUCommandLine(
            description, memoryMap: try MemoryMap(description), kernelCommandLine: "quiet", channels: channels)
        #expect(values("-object", line).last == "rng-egd,id=rng0,chardev=entropy")
        #expect(values("-chardev", line).last == "socket,id=entropy,fd=\(line.descriptors.count - 1)")
        #expect(line.descriptors.last == 106)
    }

    @Test("maps memory of its own shared, and that of a snapshot privately, and waits for the state")
    func memory() throws {
        #expect(
            try values("-object", make()) == [
                "memory-backend-file,id=memory,size=134217728,mem-path=/proc/self/fd/3,share=on"
            ])
        var description = MachineDescription(
            snapshot: .init(
                memory: 90, state: .init(bytes: [], qemuVersion: "", timeStampCounter: 1, stoppedAt: 0)))
        #expect(description.skippedSystemCalls.isEmpty)
        let line = try QEMUCommandLine(
            description, memoryMap: try MemoryMap(description), kernelCommandLine: nil, channels: Self.channels)
        #expect(values("-object", line).first?.hasSuffix("mem-path=/proc/self/fd/3,share=off") == true)
        #expect(values("-incoming", line) == ["defer"])
        #expect(line.arguments.contains("-S"))
        #expect(!line.arguments.contains("-kernel") && !line.arguments.contains("-append"))
        // A balloon would cut holes into the snapshot's file.
        description.balloon = .init(targetMiB: 0)
        #expect(description.skippedSystemCalls == [SeccompNotification.fallocate])
    }

    @Test(
        "makes the machine's memory of several pieces for persistent memory, and gives each device a second hold on its file"
    )
    func persistentMemory() throws {
        let line = try make { description in
            description.persistentMemory = [
                .init(file: 60, size: 2 << 20, isReadOnly: true), .init(file: 61, size: 4096),
            ]
        }
        #expect(values("-M", line) == ["microvm,acpi=on,pit=off,pic=off,suppress-vmdesc=on"])
        #expect(values("-m", line) == ["3202M"])
        #expect(
            values("-object", line) == [
                "memory-backend-file,id=memory,size=134217728,mem-path=/proc/self/fd/3,share=on",
                "memory-backend-ram,id=gap1,size=3087007744,reserve=off",
                "memory-backend-file,id=pmem0,size=2097152,mem-path=/proc/self/fd/4,share=on,readonly=on",
                "memory-backend-ram,id=gap3,size=132120576,reserve=off",
                "memory-backend-file,id=pmem1,size=4096,mem-path=/proc/self/fd/5,share=on",
                "memory-backend-ram,id=gap5,size=2093056,reserve=off",
                "memory-backend-file,id=flushed0,size=2097152,mem-path=/proc/self/fd/8,share=on,readonly=on",
                "memory-backend-memfd,id=flushed1,size=2097152,share=on",
            ])
        #expect(
            values("-numa", line) == ["memory", "gap1", "pmem0", "gap3", "pmem1", "gap5"].map { "node,memdev=\($0)" })
        #expect(
            values("-device", line).dropFirst() == [
                "virtio-pmem,id=pmem0,memdev=flushed0,memaddr=4294967296",
                "virtio-pmem,id=pmem1,memdev=flushed1,memaddr=4429185024",
            ])
        #expect(line.descriptors[8] == 60)
    }

    @Test("has memory to be plugged twice too: where the guest finds it, and for the device")
    func hotplugMemory() throws {
        var channels = Self.channels
        channels.hotplugMemory = 106
        var description = MachineDescription(kernel: 50)
        description.hotplugMemory = .init(sizeMiB: 256, blockMiB: 4)
        let line = try QEMUCommandLine(
            description, memoryMap: try MemoryMap(description), kernelCommandLine: "quiet", channels: channels)
        #expect(values("-m", line) == ["3328M"])
        #expect(values("-numa", line).last == "node,memdev=hotplug")
        let backends = values("-object", line).filter { $0.contains("size=268435456") }
        #expect(backends.count == 2 && backends.allSatisfy { $0.hasSuffix(",share=on") })
        #expect(line.descriptors.filter { $0 == 106 }.count == 2)
        #expect(
            values("-device", line).last
                == "virtio-mem,id=hotplug0,memdev=plugged,memaddr=4294967296,block-size=4M,requested-size=0,"
                + "unplugged-inaccessible=on")
    }

    @Test("puts what can be unplugged into the slots of a bridge, before the processors run")
    func pci() throws {
        func describe(_ description: inout MachineDescription) {
            description.isPCI = true
            description.drives = [.init(id: "root", file: 60, isRoot: true), .init(id: "data", file: 61)]
            description.drives[1].place = 3
            description.networkInterfaces = [.init(id: "eth0", tap: 70)]
            description.networkInterfaces[0].place = 4
            description.entropy = .init()
        }
        let line = try make(describe)
        #expect(
            values("-M", line) == ["microvm,acpi=on,pit=off,pic=off,pcie=on,suppress-vmdesc=on,memory-backend=memory"])
        #expect(line.arguments.contains("-S"))
        let fixed = [
            "pcie-pci-bridge,id=bridge0,bus=pcie.0,addr=1e", "i8042",
            "virtio-blk-pci,id=drive0,bus=pcie.0,addr=1,disable-legacy=on,romfile=,drive=throttle0,serial=root,"
                + "write-cache=off,werror=report",
            "virtio-rng-pci,id=entropy0,bus=pcie.0,addr=4,disable-legacy=on,romfile=,rng=rng0",
        ]
        #expect(values("-device", line) == fixed)
        // All the same what they stand on is there.
        #expect(values("-netdev", line) == ["tap,id=tap4,fd=8,vhost=on,vhostfd=9"])

        // What comes from a snapshot finds the slots as they were.
        var restored = MachineDescription(
            snapshot: .init(
                memory: 90, state: .init(bytes: [], qemuVersion: "", timeStampCounter: 1, stoppedAt: 0)))
        describe(&restored)
        let devices = values(
            "-device",
            try QEMUCommandLine(
                restored, memoryMap: try MemoryMap(restored), kernelCommandLine: nil, channels: Self.channels))
        #expect(
            devices.filter { !fixed.contains($0) } == [
                "virtio-blk-pci,id=drive3,bus=bridge0,addr=3,disable-legacy=on,romfile=,drive=throttle3,serial=data,"
                    + "write-cache=off,werror=report",
                "virtio-net-pci,id=net4,bus=bridge0,addr=4,disable-legacy=on,romfile=,netdev=tap4,event_idx=off,queue_reset=off",
            ])
    }

    @Test("connects a drive that another process serves, which has no file here")
    func vhostUser() throws {
        let line = try make { description in
            description.drives = [.init(id: "a", file: 60)]
            description.drives[0].isVhostUser = true
        }
        #expect(values("-chardev", line).contains("socket,id=server0,fd=6"))
        #expect(values("-device", line).last == "vhost-user-blk,id=drive0,chardev=server0,num-queues=1,config-wce=off")
        #expect(values("-blockdev", line).isEmpty && values("-add-fd", line).isEmpty)
    }

    @Test("refuses more devices than the machine has places")
    func tooMany() throws {
        func drives(_ count: Int) -> [MachineDescription.BlockDevice] {
            (0..<count).map { index in
                var drive = MachineDescription.BlockDevice(id: "d\(index)", file: 60)
                drive.place = index
                return drive
            }
        }
        _ = try make { $0.drives = drives(24) }
        #expect(throws: MachineFault.self) { try make { $0.drives = drives(25) } }
    }
}

@Suite("Limits of drives")
struct DriveNodesTests {
    @Test("become rates a second and bursts")
    func limits() {
        let limiter = DriveLimiter(
            bandwidth: .init(size: 1 << 20, refillMilliseconds: 100),
            operations: .init(size: 500, refillMilliseconds: 2000))
        #expect(
            DriveNodes.limits(limiter)
                == #"{"bps-total":10485760,"bps-total-max":0,"iops-total":250,"iops-total-max":500}"#)
        let slow = DriveLimiter(
            bandwidth: .init(size: 1000, refillMilliseconds: 800),
            operations: .init(size: 10, refillMilliseconds: 1000, oneTimeBurst: 70))
        #expect(
            DriveNodes.limits(slow) == #"{"bps-total":1250,"bps-total-max":1250,"iops-total":10,"iops-total-max":70}"#)
    }

    @Test("of zero are none, and the largest are QEMU's largest")
    func extremes() {
        let none = #"{"bps-total":0,"bps-total-max":0,"iops-total":0,"iops-total-max":0}"#
        #expect(DriveNodes.limits(DriveLimiter()) == none)
        #expect(DriveNodes.limits(DriveLimiter(bandwidth: .init(size: 0, refillMilliseconds: 5))) == none)
        #expect(DriveNodes.limits(DriveLimiter(operations: .init(size: 5, refillMilliseconds: 0))) == none)
        let huge = DriveLimiter(bandwidth: .init(size: .max, refillMilliseconds: 1))
        #expect(DriveNodes.limits(huge).hasPrefix(#"{"bps-total":1000000000000000,"bps-total-max":1000000000000000,"#))
    }

    @Test("have a burst that is spent once, and goes on where only another bucket is changed")
    func bursts() {
        var bursts = DriveBursts()
        let limiter = DriveLimiter(
            bandwidth: .init(size: 100, refillMilliseconds: 1000, oneTimeBurst: 500),
            operations: .init(size: 10, refillMilliseconds: 1000, oneTimeBurst: 5))
        let begun = bursts.begin(3, limiter, usage: .init(bytes: 1000, operations: 50))
        #expect(begun == limiter)
        var changes = bursts.advance { _ in .init(bytes: 1499, operations: 54) }
        #expect(changes.isEmpty)
        #expect(bursts.left(3, usage: .init(bytes: 1499, operations: 54)) == .init(bytes: 1, operations: 1))
        changes = bursts.advance { _ in .init(bytes: 1500, operations: 54) }
        #expect(changes.count == 1 && changes.first?.index == 3)
        #expect(changes.first?.limiter.bandwidth?.oneTimeBurst == 0)
        #expect(changes.first?.limiter.operations?.oneTimeBurst == 5)
        // A PATCH of the bandwidth alone.
        let patched = bursts.begin(
            3, limiter, fresh: (bandwidth: true, operations: false), usage: .init(bytes: 2000, operations: 54))
        #expect(patched == limiter)
        changes = bursts.advance { _ in .init(bytes: 2499, operations: 55) }
        #expect(changes.first?.limiter.bandwidth?.oneTimeBurst == 500)
        #expect(changes.first?.limiter.operations?.oneTimeBurst == 0)
        _ = bursts.begin(3, DriveLimiter(), usage: .init())
        #expect(bursts.isEmpty)
    }

    @Test("no two generations of nodes share a name or a descriptor set")
    func generations() {
        var names: Set<String> = []
        for index in 0...PCISlots.range.upperBound {
            var drive = MachineDescription.BlockDevice(id: "d", file: 0)
            drive.place = index
            var nodes = DriveNodes(drive, isBlockDevice: false)
            for generation in 0..<3 {
                nodes.generation = generation
                names.formUnion([nodes.fileName, nodes.formatName, "\(nodes.descriptorSet)"])
            }
        }
        #expect(names.count == (PCISlots.range.upperBound + 1) * 9)
    }
}
