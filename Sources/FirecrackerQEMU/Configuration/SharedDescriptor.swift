public import Linux

/// A descriptor with several owners: closed when the last of them lets go.
public final class SharedDescriptor: Sendable {
    public let descriptor: Descriptor

    public init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }
}
