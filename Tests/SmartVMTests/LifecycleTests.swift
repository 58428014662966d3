import Testing

@testable import SmartVM

@Suite("Lifecycle")
struct LifecycleTests {
    typealias State = MicroVM.State

    /// Where each event leads from each state; a state that is missing stays as it is.
    static let transitions: [(Lifecycle.Event, [State: State])] = [
        (.startBegan, [.created: .starting]),
        (.started, [.starting: .running]),
        (.startedPaused, [.starting: .paused]),
        (.paused, [.running: .paused]),
        (.resumed, [.paused: .running]),
        (.stopped, [.created: .stopped, .starting: .stopped, .running: .stopped, .paused: .stopped]),
        (.failed, [.created: .failed, .starting: .failed, .running: .failed, .paused: .failed]),
    ]

    /// A lifecycle that has come to a state by events.
    static func lifecycle(in state: State) -> Lifecycle {
        var lifecycle = Lifecycle()
        let path: [Lifecycle.Event] =
            switch state {
            case .created: []
            case .starting: [.startBegan]
            case .running: [.startBegan, .started]
            case .paused: [.startBegan, .startedPaused]
            case .stopped: [.stopped]
            case .failed: [.startBegan, .failed]
            }
        for event in path { lifecycle.apply(event) }
        return lifecycle
    }

    @Test("every event leads where the table says, from every state")
    func events() {
        #expect(Set(Self.transitions.map(\.0)) == Set(Lifecycle.Event.allCases))
        for (event, table) in Self.transitions {
            for state in State.allCases {
                var lifecycle = Self.lifecycle(in: state)
                #expect(lifecycle.state == state)
                let changed = lifecycle.apply(event)
                let expected = table[state] ?? state
                #expect(lifecycle.state == expected, "\(event) in \(state)")
                #expect(changed == (expected != state), "\(event) in \(state)")
            }
        }
    }

    /// In which states each operation is possible.
    static let operations: [(Lifecycle.Operation, Set<State>)] = [
        (.start, [.created]), (.loadSnapshot, [.created]), (.updateMachineConfig, [.created]),
        (.pause, [.running]), (.resume, [.paused]), (.createSnapshot, [.paused]),
        (.runCommand, [.running]), (.sendCtrlAltDel, [.running]),
        (.updateDevice, [.running, .paused]), (.plugDevice, [.running, .paused]),
        (.useMetadata, [.running, .paused]), (.readBalloon, [.running, .paused]),
        (.flushMetrics, [.running, .paused]),
        (.waitUntilExit, [.starting, .running, .paused, .stopped, .failed]),
        (.stop, Set(State.allCases)),
    ]

    @Test("every operation is possible in its states, and in others refused by name")
    func checks() throws {
        #expect(Set(Self.operations.map(\.0)) == Set(Lifecycle.Operation.allCases))
        for (operation, states) in Self.operations {
            for state in State.allCases {
                let lifecycle = Self.lifecycle(in: state)
                if states.contains(state) {
                    #expect(throws: Never.self) { try lifecycle.check(operation, of: "web-1") }
                    continue
                }
                let error = try #require(
                    throws: SmartVMError.self, "\(operation) in \(state)"
                ) { try lifecycle.check(operation, of: "web-1") }
                #expect(error.code == .invalidState)
                #expect(error.message.contains("web-1"))
                #expect(error.message.contains("it is \(state.rawValue)"), "\(error.message)")
                for allowed in states { #expect(error.message.contains(allowed.rawValue)) }
            }
        }
    }

    @Test("while a VM is being stopped nothing else begins")
    func ending() throws {
        for operation in Lifecycle.Operation.allCases {
            var lifecycle = Self.lifecycle(in: .running)
            lifecycle.isEnding = true
            switch operation {
            case .stop, .waitUntilExit: try lifecycle.check(operation, of: "web-1")
            default:
                let error = #expect(throws: SmartVMError.self) { try lifecycle.check(operation, of: "web-1") }
                #expect(error?.message.contains("is being stopped") == true)
            }
        }
    }
}
