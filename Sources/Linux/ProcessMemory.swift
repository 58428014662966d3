internal import CLinux
internal import Glibc

/// A stretch of memory, in this process or another: laid out as `struct iovec` is.
@frozen
public struct MemorySpan: Hashable, Sendable {
    public var address: UInt
    public var count: Int

    @inlinable
    public init(address: UInt, count: Int) {
        self.address = address
        self.count = count
    }
}

/// The memory of another process: process_vm_readv(2), process_vm_writev(2).
public struct ProcessMemory: Sendable {
    public let pid: Int32

    /// As many spans as one call takes on either side.
    public static let maximumSpans = 1024

    public init(pid: Int32) {
        self.pid = pid
    }

    /// Fills the spans of this process from those of the other, in their order. The bytes copied: fewer if an address is not mapped.
    public func read(
        into local: UnsafeBufferPointer<MemorySpan>, from remote: UnsafeBufferPointer<MemorySpan>
    ) throws(Errno) -> Int {
        try systemCall {
            local.withMemoryRebound(to: iovec.self) { local in
                remote.withMemoryRebound(to: iovec.self) { remote in
                    clinux_process_vm_readv(
                        pid, local.baseAddress, UInt(local.count), remote.baseAddress, UInt(remote.count))
                }
            }
        }
    }

    /// Fills the spans of the other process from those of this one, in their order. The bytes copied: fewer if an address is not
    /// mapped.
    public func write(
        from local: UnsafeBufferPointer<MemorySpan>, to remote: UnsafeBufferPointer<MemorySpan>
    ) throws(Errno) -> Int {
        try systemCall {
            local.withMemoryRebound(to: iovec.self) { local in
                remote.withMemoryRebound(to: iovec.self) { remote in
                    clinux_process_vm_writev(
                        pid, local.baseAddress, UInt(local.count), remote.baseAddress, UInt(remote.count))
                }
            }
        }
    }

    /// `count` bytes at `address`; `badAddress` if not all are mapped.
    public func read(_ count: Int, at address: UInt) throws(Errno) -> [UInt8] {
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let length = try systemCall {
            bytes.withUnsafeMutableBytes { buffer in
                var local = iovec(iov_base: buffer.baseAddress, iov_len: count)
                var remote = iovec(iov_base: UnsafeMutableRawPointer(bitPattern: address), iov_len: count)
                return clinux_process_vm_readv(pid, &local, 1, &remote, 1)
            }
        }
        guard length == count else { throw .badAddress }
        return bytes
    }

    /// Writes bytes at `address`; `badAddress` if not all of it is mapped.
    public func write(_ bytes: [UInt8], at address: UInt) throws(Errno) {
        guard !bytes.isEmpty else { return }
        let length = try systemCall {
            bytes.withUnsafeBytes { buffer in
                var local = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress), iov_len: buffer.count)
                var remote = iovec(iov_base: UnsafeMutableRawPointer(bitPattern: address), iov_len: buffer.count)
                return clinux_process_vm_writev(pid, &local, 1, &remote, 1)
            }
        }
        guard length == bytes.count else { throw .badAddress }
    }
}
