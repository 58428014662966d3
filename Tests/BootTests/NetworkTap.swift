@testable import SmartVM

/// What SmartVM calls a TAP, by a name that no other module has: files that import `Linux` too would see two.
typealias NetworkTap = TapDevice
