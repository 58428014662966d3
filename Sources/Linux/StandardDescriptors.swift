internal import CLinux
internal import Glibc

/// Standard input, output and error.
public enum StandardDescriptors {
    /// Opens /dev/null at those that the starter of this process has closed.
    ///
    /// Else the next file or socket that is opened gets one of their numbers, and what is printed goes into it. To be called before
    /// anything is opened.
    public static func fill() throws(Errno) {
        for descriptor: Int32 in 0...2 where clinux_fcntl(descriptor, F_GETFD, 0) < 0 {
            // The lowest free number is the one that is missing, since those below it are open by now.
            // Programs that this process starts may inherit it, as they would what was closed.
            _ = try systemCall { clinux_open("/dev/null", O_RDWR, 0) }
        }
    }
}
