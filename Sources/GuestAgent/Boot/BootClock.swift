internal import GuestProtocol
internal import Linux

/// When each step of the boot ended, by the guest's own clock.
struct BootClock {
    private(set) var steps: [Hello.BootStep] = []

    mutating func mark(_ name: String) {
        steps.append(.init(name: name, endedMicroseconds: Clock.monotonicNanoseconds / 1000))
    }
}
