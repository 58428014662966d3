package import FirecrackerAPI

/// One means of stopping a VM and the time that it is given; the supervisor climbs from one to the next.
package struct StopStep: WireModel {
    package enum Means: String, WireEnum {
        /// The guest's agent is asked.
        case guest
        case ctrlAltDel = "ctrl_alt_del"
        /// SIGTERM to the VMM.
        case terminate
        /// SIGKILL to the VMM.
        case kill
    }

    package var means: Means
    package var milliseconds: UInt64

    package init(_ means: Means, milliseconds: UInt64) {
        self.means = means
        self.milliseconds = milliseconds
    }

    package static let schema = Schema(
        "StopStep", initial: StopStep(.kill, milliseconds: 0),
        [.required("means", \.means), .required("milliseconds", \.milliseconds)])
}
