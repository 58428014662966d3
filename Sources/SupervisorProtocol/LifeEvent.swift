package import FirecrackerAPI

/// Something that has happened to a VM while nobody but its supervisor was there: a line of the file `events.log` in the VM's directory.
///
/// Theory of operation. A supervisor writes no database: it would need a library, and wait for others' transactions. It appends lines,
/// and whoever reads events brings those that it has not brought yet into the database. Which ones that are, generation and
/// sequence tell: they only grow.
package struct LifeEvent: WireModel {
    /// As in ``SupervisorPlan/generation``.
    package var generation: UInt64
    /// Counts the events of a generation, from 1.
    package var sequence: UInt64
    /// Nanoseconds since 1970.
    package var time: UInt64
    /// A verb, or what docker has in its place.
    package var action: String
    package var attributes: [Attribute]

    package init(
        generation: UInt64, sequence: UInt64, time: UInt64, action: String, attributes: [Attribute] = []
    ) {
        self.generation = generation
        self.sequence = sequence
        self.time = time
        self.action = action
        self.attributes = attributes
    }

    package static let schema = Schema(
        "LifeEvent", initial: LifeEvent(generation: 0, sequence: 0, time: 0, action: ""),
        [
            .required("generation", \.generation), .required("sequence", \.sequence), .required("time", \.time),
            .required("action", \.action), .defaulted("attributes", \.attributes),
        ])

    package struct Attribute: WireModel {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }

        package static let schema = Schema(
            "Attribute", initial: Attribute("", ""), [.required("name", \.name), .required("value", \.value)])
    }

    /// The file's name in the VM's directory; the one before it has `.1` behind.
    package static let fileName = "events.log"
    /// Of one of the two files.
    package static let fileLimit = LogLimits(bytes: 128 << 10, files: 2)
}
