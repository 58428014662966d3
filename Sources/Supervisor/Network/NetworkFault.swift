/// Why a VM's network cannot be served.
struct NetworkFault: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
