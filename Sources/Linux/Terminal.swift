internal import CLinux
internal import Glibc

/// Terminals: their size and raw mode.
public enum Terminal {
    public struct Size: Hashable, Sendable {
        public var rows: UInt16
        public var columns: UInt16

        public init(rows: UInt16, columns: UInt16) {
            self.rows = rows
            self.columns = columns
        }
    }

    /// Whether the descriptor is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1
    }

    public static func size(of descriptor: Int32) throws(Errno) -> Size {
        var size = winsize()
        try systemCall {
            withUnsafeMutablePointer(to: &size) { clinux_ioctl(descriptor, UInt(TIOCGWINSZ), UInt(bitPattern: $0)) }
        }
        return Size(rows: size.ws_row, columns: size.ws_col)
    }

    /// Sets the size; the foreground processes of the terminal get SIGWINCH.
    public static func setSize(_ size: Size, of descriptor: Int32) throws(Errno) {
        var size = winsize(ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0)
        try systemCall {
            withUnsafeMutablePointer(to: &size) { clinux_ioctl(descriptor, UInt(TIOCSWINSZ), UInt(bitPattern: $0)) }
        }
    }

    /// The settings of a terminal, to be put back later.
    public struct Settings: Sendable {
        var value: termios
    }

    public static func settings(of descriptor: Int32) throws(Errno) -> Settings {
        var value = termios()
        try systemCall { tcgetattr(descriptor, &value) }
        return Settings(value: value)
    }

    /// Passes every byte through as it is typed, and says what to put back.
    public static func makeRaw(_ descriptor: Int32) throws(Errno) -> Settings {
        var value = termios()
        try systemCall { tcgetattr(descriptor, &value) }
        let before = Settings(value: value)
        cfmakeraw(&value)
        try systemCall { tcsetattr(descriptor, TCSADRAIN, &value) }
        return before
    }

    /// Puts settings back.
    public static func restore(_ settings: Settings, on descriptor: Int32) {
        var value = settings.value
        tcsetattr(descriptor, TCSADRAIN, &value)
    }
}
