internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// Answers a guest's questions for names: those of VMs itself, and those of the world by asking the host's servers.
///
/// Theory of operation. A query is taken apart; it is answered from the directories of VMs, refused by the policy, or asked of a server in
/// a message that is put together here, over a socket of its own, whose port the kernel draws. What comes back must
/// bear the number, the question and the sender that were asked. Before the guest hears of an address of an allowed name, the address is
/// in the firewall's set; so a guest reaches what it was told, and that alone. A name that is not allowed is REFUSED, not said not to exist:
/// that would be untrue, and programs would remember it.
final class Resolver: EventHandler {
    private enum Source: UInt8 {
        case datagrams, listener, pause
    }

    /// Queries under way at a time; further ones fail.
    static let maximumQueries = 256
    /// Connections of the guest at a time; further ones wait in the listener's queue.
    static let maximumConnections = 16
    /// How long a VM's address may be remembered, in seconds.
    static let nameLifetime: UInt32 = 5
    /// Datagrams that are read before others have their turn.
    private static let datagramsAtOnce = 16
    private static let pauseMilliseconds = 100

    private let loop: EventLoop
    private let log: ServiceLog
    private let datagrams: Descriptor
    private let listener: Descriptor
    private let guests: Set<[UInt8]>
    private let names: VMNames
    private let policy: DomainPolicy
    private let sets = AddressSets()
    private let servers: NameServers
    private var waiting: EventLoop.Registration?
    private var connections = 0

    init(
        _ plan: NetworkPlan.Resolver, rules: [NetworkPlan.DomainRule], queryMilliseconds: Int, loop: EventLoop,
        log: ServiceLog
    ) throws(NetworkFault) {
        self.loop = loop
        self.log = log
        datagrams = try NetworkService.inherited(plan.datagramDescriptor, "names over UDP")
        listener = try NetworkService.inherited(plan.streamDescriptor, "names over TCP")
        var guests: Set<[UInt8]> = []
        for guest in plan.guests {
            guard let address = SocketAddress(nameServer: guest) else {
                throw NetworkFault("'\(guest)', a guest's, is no address")
            }
            guests.insert(address.address)
        }
        self.guests = guests
        names = VMNames(plan.nameDirectories)
        policy = try DomainPolicy(rules, refusesUnlisted: plan.refusesUnlisted)
        servers = try NameServers(plan.servers, milliseconds: queryMilliseconds, loop: loop)
        do throws(Errno) {
            _ = try loop.add(datagrams.rawValue, [.readable], handler: self, source: Source.datagrams.rawValue)
            try listen(true)
        } catch {
            throw NetworkFault("names cannot be served: \(error)")
        }
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .datagrams: receive()
        case .listener: acceptGuest()
        case .pause: try? listen(connections < Self.maximumConnections)
        case nil: break
        }
    }

    // MARK: UDP

    private func receive() {
        for _ in 0..<Self.datagramsAtOnce {
            let datagram: (count: Int, sender: SocketAddress?)
            do throws(Errno) {
                datagram = try InternetSocket.receive(
                    from: datagrams.rawValue,
                    into: UnsafeMutableRawBufferPointer(rebasing: loop.buffer.prefix(DNSQuery.maximumLength + 1)))
            } catch {
                return
            }
            guard let sender = datagram.sender, guests.contains(sender.address) else { continue }
            resolve(Array(loop.buffer.prefix(datagram.count)), over: .udp) { [weak self] answer in
                guard let self, let answer else { return }
                // A guest that does not take its answers asks again.
                try? InternetSocket.send(answer, to: sender, from: datagrams.rawValue)
            }
        }
    }

    // MARK: TCP

    private func listen(_ wanted: Bool) throws(Errno) {
        if wanted, waiting == nil {
            waiting = try loop.add(listener.rawValue, [.readable], handler: self, source: Source.listener.rawValue)
        } else if !wanted, let registration = waiting.take() {
            loop.remove(registration)
        }
    }

    private func acceptGuest() {
        do throws(Errno) {
            let socket = try UnixSocket.accept(listener.rawValue)
            guard let peer = InternetSocket.peer(of: socket.rawValue), guests.contains(peer.address) else { return }
            try ResolverConnection.serve(socket, loop: loop) { [weak self] query, reply in
                guard let self else { return reply(nil) }
                resolve(query, over: .tcp, reply)
            } ended: { [weak self] in
                guard let self else { return }
                connections -= 1
                try? listen(true)
            }
            connections += 1
            if connections >= Self.maximumConnections { try listen(false) }
        } catch .wouldBlock {
        } catch {
            // There are no descriptors left, or no memory: a listener that is always ready must not keep the loop busy.
            try? listen(false)
            loop.schedule(milliseconds: Self.pauseMilliseconds, handler: self, source: Source.pause.rawValue)
        }
    }

    // MARK: What is answered

    /// - Parameter reply: Called once, now or later; nil: nothing is said.
    private func resolve(
        _ message: [UInt8], over transport: InternetSocket.Transport, _ reply: @escaping ([UInt8]?) -> Void
    ) {
        let query: DNSQuery
        do throws(DNSQuery.Fault) { query = try DNSQuery(message) } catch { return reply(error.answer) }
        let isTransfer = query.type == DNSType.wholeTransfer || query.type == DNSType.incrementalTransfer
        guard query.class == dnsInternetClass, !isTransfer else { return reply(query.answer(.notImplemented)) }
        if let answer = answerOfVM(query) { return reply(answer) }
        guard case .allowed(let rules) = policy.decision(for: query.name), !servers.isEmpty else {
            return reply(query.answer(.refused))
        }
        guard servers.queries < Self.maximumQueries else { return reply(query.answer(.serverFailure)) }
        servers.ask(query, over: transport) { [weak self] response in
            guard let self, let response else { return reply(query.answer(.serverFailure)) }
            reply(admit(response, to: query, by: rules, over: transport))
        }
    }

    /// What is known here of VMs; nil if the name is the world's.
    private func answerOfVM(_ query: DNSQuery) -> [UInt8]? {
        let own = DNSHeader.Flag.authoritative
        if let vm = VMNames.vm(query.name), let addresses = names.addresses(of: vm) {
            guard query.type == DNSType.a || query.type == DNSType.any else {
                return query.answer(.noError, flags: own)
            }
            let records = addresses.map { address in
                DNSAnswerRecord(
                    owner: nil, type: DNSType.a, lifetime: Self.nameLifetime,
                    data: withUnsafeBytes(of: address.bigEndian) { Array($0) })
            }
            return query.answer(.noError, records, flags: own)
        }
        if query.type == DNSType.ptr, let address = VMNames.reversed(query.name), let vm = names.vm(at: address),
            let name = DomainName("\(vm).internal")
        {
            let record = DNSAnswerRecord(
                owner: nil, type: DNSType.ptr, lifetime: Self.nameLifetime, data: name.wire + [0])
            return query.answer(.noError, [record], flags: own)
        }
        return nil
    }

    /// Lets a server's answer through to the guest, and the guest to what it says.
    private func admit(
        _ response: DNSResponse, to query: DNSQuery, by rules: [NetworkPlan.DomainRule],
        over transport: InternetSocket.Transport
    ) -> [UInt8] {
        guard let response = response.stripped({ sets.isForbidden($0) }) else { return query.answer(.serverFailure) }
        if !rules.isEmpty {
            do throws(Errno) {
                try sets.allow(response.addresses, by: rules)
            } catch {
                let names = rules.map { "\($0.table) \($0.set)" }.joined(separator: ", ")
                log.note("addresses cannot be put into the sets \(names) of the firewall: \(error)")
                return query.answer(.serverFailure)
            }
        }
        return transport == .tcp ? response.bytes : response.datagram
    }
}
