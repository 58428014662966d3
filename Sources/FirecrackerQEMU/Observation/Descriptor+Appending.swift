internal import Glibc
internal import Linux

extension Descriptor {
    /// Opens a log or metrics file, which is made if missing. A FIFO is opened for reading too, so that it needs no
    /// reader yet, and a full one does not hold up the VMM.
    static func openForAppending(_ path: String) throws(Errno) -> Descriptor {
        var status = stat()
        let isFIFO = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
        return try Descriptor.open(
            path, (isFIFO ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND | O_NONBLOCK, mode: 0o666)
    }
}
