import Glibc
import Linux
import Synchronization
import Testing

@testable import SmartVM

/// What becomes of a VM whose VMM does not do as it should. Nothing may be left on the host, whatever happens.
@Suite("MicroVM and a faulty VMM", .timeLimit(.minutes(2)))
struct MicroVMFaultTests {
    @Test("a start sends the configuration and InstanceStart, in this order; a stop leaves nothing")
    func start() async throws {
        try await StubVMM.serving { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            #expect(await vm.state == .created)
            try await vm.start()
            #expect(await vm.state == .running)
            #expect(stub.requests.first == "PUT /machine-config")
            #expect(stub.requests.last == "PUT /actions")
            let report = await vm.stop(StopPolicy(ctrlAltDel: .milliseconds(100)))
            #expect(report.attempts.map(\.rung) == [.guest, .ctrlAltDel, .terminate])
            #expect(
                report.attempts.map(\.outcome) == [.unavailable("the guest has no agent"), .timedOut, .ended])
            #expect(stub.requests.last == "PUT /actions" && report.exit == .stopped(.terminate))
            #expect(await vm.state == .stopped)
        }
    }

    @Test("a VMM that answers late is waited for")
    func late() async throws {
        let handler: StubVMM.Handler = { request in
            if request == "PUT /boot-source" { try? await Task.sleep(for: .milliseconds(300)) }
            return .done
        }
        try await StubVMM.serving(handler) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            let duration = try await ContinuousClock().measure { try await vm.start() }
            #expect(duration >= .milliseconds(300))
            await vm.stop(.quick)
        }
    }

    @Test("what the VMM refuses is said in its words, and undone")
    func refusal() async throws {
        try await StubVMM.serving({ $0 == "PUT /boot-source" ? .fault("no such kernel") : .done }) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            let error = await #expect(throws: SmartVMError.self) { try await vm.start() }
            #expect(error?.code == .apiError)
            #expect(error?.fault?.endpoint == "PUT /boot-source" && error?.fault?.message == "no such kernel")
            #expect(await vm.state == .failed)
            stub.expectNothingLeft()
            #expect(try await vm.waitUntilExit() == .startFailed)
            let again = await #expect(throws: SmartVMError.self) { try await vm.start() }
            #expect(again?.code == .invalidState)
            #expect(await vm.stop().exit == .startFailed)
            #expect(await vm.state == .failed)
        }
    }

    @Test("a VMM that dies while it is configured is told from one that refuses")
    func death() async throws {
        try await StubVMM.serving({ $0 == "PUT /boot-source" ? .exit(3) : .done }) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            let error = await #expect(throws: SmartVMError.self) { try await vm.start() }
            #expect(error?.code == .vmmFailed)
            #expect(error?.message.contains("exited(3)") == true, "\(String(describing: error))")
            #expect(await vm.state == .failed)
        }
    }

    @Test("a VMM that never listens, or is no program, is a failure of the VMM")
    func neverListens() async throws {
        try await withTemporaryDirectory { directory in
            for (path, code) in [("/bin/false", SmartVMError.Code.vmmFailed), ("/nonexistent", .vmmNotFound)] {
                let smartVM = try SmartVM(SmartVMOptions(dataDir: "\(directory)/data", firecrackerBinaryPath: path))
                let vm = try await smartVM.createVM(StubVMM.config)
                let error = await #expect(throws: SmartVMError.self) { try await vm.start() }
                #expect(error?.code == code)
                await smartVM.cleanup()
            }
        }
    }

    @Test("a name that is none is refused before anything is made", arguments: ["../up", "a/b", "", "-x", "a b"])
    func name(id: String) async throws {
        try await StubVMM.serving { stub in
            let data = "\(stub.directory)/data"
            let vm = try MicroVM(
                id, StubVMM.config, firecrackerBinaryPath: stub.path, socketPath: "\(stub.directory)/own.sock",
                networkManager: NetworkManager(), dataDirectory: DataDirectory(path: data))
            let error = await #expect(throws: SmartVMError.self) { try await vm.start() }
            #expect(error?.code == .invalidConfiguration)
            #expect(!File.exists(data))
        }
    }

    @Test("cancelling the task that starts a VM undoes what it did")
    func cancellation() async throws {
        try await StubVMM.serving({ $0 == "PUT /boot-source" ? .silence : .done }) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            let task = Task { try await vm.start() }
            #expect(try await eventually { stub.requests.contains("PUT /boot-source") })
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            stub.expectNothingLeft()
            #expect(await vm.state == .failed)
        }
    }

    @Test("cancelling at any moment leaves nothing")
    func cancellationAtRandom() async throws {
        try await StubVMM.serving { stub in
            let smartVM = try stub.smartVM()
            var random = SeededGenerator(seed: 20_261_121)
            var ends: Set<String> = []
            for _ in 0..<60 {
                let vm = try await smartVM.createVM(StubVMM.config)
                let task = Task { try await vm.start() }
                try await Task.sleep(for: .microseconds(Int.random(in: 0...40_000, using: &random)))
                task.cancel()
                switch await task.result {
                case .success: ends.insert("started")
                case .failure(let error): ends.insert(error is CancellationError ? "cancelled" : "\(error)")
                }
                await smartVM.removeVM(vm.id)
                stub.expectNothingLeft()
            }
            #expect(ends.contains("cancelled"))
            #expect(ends.isSubset(of: ["started", "cancelled"]))
        }
    }

    @Test("stopping a VM that is being started ends the start")
    func stopWhileStarting() async throws {
        try await StubVMM.serving({ $0 == "PUT /boot-source" ? .silence : .done }) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            let task = Task { try await vm.start() }
            #expect(try await eventually { stub.requests.contains("PUT /boot-source") })
            #expect(await vm.state == .starting)
            let report = await vm.stop(.quick)
            #expect(report.endedBy == .terminate)
            let error = await #expect(throws: SmartVMError.self) { try await task.value }
            #expect(error?.code == .invalidState)
            #expect(error?.message.contains("stopped while it was being started") == true)
            #expect(await vm.state == .stopped)
        }
    }

    @Test("who stops a VM that is being stopped waits for the same end")
    func concurrentStops() async throws {
        try await StubVMM.serving(ignoresTermination: true) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            try await vm.start()
            let policy = StopPolicy(guest: nil, ctrlAltDel: nil, terminate: .milliseconds(200))
            let reports = await withTaskGroup(of: StopReport.self) { group in
                for _ in 0..<8 { group.addTask { await vm.stop(policy) } }
                return await group.reduce(into: Set<StopReport>()) { $0.insert($1) }
            }
            let report = try #require(reports.first)
            #expect(reports.count == 1)
            #expect(report.attempts.map(\.rung) == [.terminate, .kill])
            #expect(report.attempts.map(\.outcome) == [.timedOut, .ended])
            #expect(report.attempts[0].duration >= .milliseconds(200))
            #expect(report.exit == .stopped(.kill))
            stub.expectNothingLeft()
        }
    }

    @Test("a stop goes on to the end when its task is cancelled")
    func cancelledStop() async throws {
        try await StubVMM.serving(ignoresTermination: true) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            try await vm.start()
            let task = Task {
                await vm.stop(StopPolicy(guest: nil, ctrlAltDel: nil, terminate: .milliseconds(300)))
            }
            task.cancel()
            #expect(await task.value.endedBy == .kill)
            stub.expectNothingLeft()
        }
    }

    @Test(
        "a VM whose VMM ends by itself has ended, and says how",
        arguments: [(0, .guestShutDown, .stopped), (4, .vmmFailed(status: 4), .failed)]
            as [(Int32, VMExit, MicroVM.State)])
    func ownEnd(status: Int32, exit: VMExit, state: MicroVM.State) async throws {
        try await StubVMM.serving { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            try await vm.start()
            async let first = vm.waitUntilExit()
            async let second = vm.waitUntilExit()
            stub.exit(status)
            #expect(try await first == exit)
            #expect(try await second == exit)
            #expect(try await vm.waitUntilExit() == exit)
            #expect(await vm.state == state)
            stub.expectNothingLeft()
            #expect(await vm.stop() == StopReport(exit: exit))
        }
    }

    @Test("a VM whose VMM is killed has failed")
    func killed() async throws {
        try await StubVMM.serving { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            try await vm.start()
            kill(try #require(stub.pids.first), SIGKILL)
            #expect(try await vm.waitUntilExit() == .vmmKilled(signal: SIGKILL))
            #expect(await vm.state == .failed)
        }
    }

    @Test("waiting for the end of a VM can be given up")
    func cancelledWait() async throws {
        try await StubVMM.serving { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            let early = await #expect(throws: SmartVMError.self) { try await vm.waitUntilExit() }
            #expect(early?.code == .invalidState)
            try await vm.start()
            let task = Task { try await vm.waitUntilExit() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await vm.state == .running)
            await vm.stop(.quick)
        }
    }
}
