internal import Glibc
internal import Linux
internal import Synchronization

/// The host's sockets.
extension VsockDevice {
    /// Takes clients only while the guest's driver is up: those who come before wait in the kernel, as with Firecracker.
    func listenForClients(_ wanted: Bool) {
        let wanted = wanted && admission == .open
        guard wanted != acceptsClients else { return }
        acceptsClients = wanted
        if wanted {
            try? epoll.add(configuration.listener, .readable, token: Token.listener.rawValue)
        } else {
            try? epoll.remove(configuration.listener)
        }
    }

    func acceptClients() {
        for _ in 0..<16 {
            do throws(Errno) {
                let socket = try UnixSocket.accept(configuration.listener)
                // One too many is closed without a word.
                if endpoints.count < VsockMuxer.maximumConnections { _ = try addEndpoint(socket) }
            } catch {
                guard error == .tooManyFiles else { return }
                // The listener would stay readable: the spare descriptor serves to turn the client away.
                spare = nil
                _ = try? UnixSocket.accept(configuration.listener)
                spare = try? EventCounter()
            }
        }
    }

    private func addEndpoint(_ socket: consuming Linux.Descriptor) throws(Errno) -> VsockEndpoint {
        let endpoint = VsockEndpoint(nextNumber, socket)
        nextNumber += 1
        try epoll.add(
            endpoint.socket.rawValue, [.readable, .readHangUp, .edgeTriggered], token: endpoint.number)
        endpoints[endpoint.number] = endpoint
        return endpoint
    }

    /// Something has happened on a socket.
    func handle(_ endpoint: VsockEndpoint, _ events: Epoll.Events) {
        if events.contains(.writable), endpoint.hasLeftover { flush(endpoint) }
        guard endpoints[endpoint.number] != nil,
            !events.isDisjoint(with: [.readable, .readHangUp, .hangUp, .error])
        else { return }
        if endpoint.connection == nil {
            greet(endpoint, hasHungUp: !events.isDisjoint(with: [.readHangUp, .hangUp, .error]))
        } else {
            endpoint.isReadable = true
            if !events.isDisjoint(with: [.readHangUp, .hangUp, .error]) { endpoint.hasHungUp = true }
            enqueue(endpoint)
        }
    }

    /// Reads which port a client wants, and asks the guest for it.
    private func greet(_ endpoint: VsockEndpoint, hasHungUp: Bool) {
        switch endpoint.readRequest() {
        case .incomplete: break
        case .malformed: close(endpoint)
        case .port(let port):
            let ports = VsockMuxer.Ports(host: muxer.takeHostPort(forGuestPort: port), guest: port)
            configuration.control.nextHostPort.store(muxer.nextHostPort, ordering: .relaxed)
            endpoint.connection = VsockConnection(
                hostPort: ports.host, guestPort: ports.guest, capacity: connectionCapacity)
            muxer.add(endpoint.number, ports)
            counters.count(.added)
            // What follows the line came with the same edge, and so did the end, perhaps.
            endpoint.isReadable = true
            endpoint.hasHungUp = hasHungUp
            setDeadline(endpoint)
            enqueue(endpoint)
        }
    }

    /// Connects to the host's socket for a connection that the guest asks for.
    func open(_ header: VsockHeader) {
        guard endpoints.count < VsockMuxer.maximumConnections,
            let socket = try? UnixSocket.connect(
                to: "\(configuration.path)_\(header.destinationPort)", nonBlocking: true),
            let endpoint = try? addEndpoint(socket)
        else { return muxer.refuse(header, guestCID: guestCID) }
        endpoint.connection = VsockConnection(accepting: header, capacity: connectionCapacity)
        muxer.add(
            endpoint.number, VsockMuxer.Ports(host: header.destinationPort, guest: header.sourcePort))
        counters.count(.added)
        enqueue(endpoint)
    }

    /// Puts a connection into the line if the guest is to hear of it.
    func enqueue(_ endpoint: VsockEndpoint) {
        guard !endpoint.isQueued, endpoint.isReady else { return }
        endpoint.isQueued = true
        muxer.enqueue(endpoint.number)
    }

    /// Gives bytes to a socket, as many as it takes now; the others wait until it takes more.
    ///
    /// Only then its room is watched: each time that the host's program reads there would be an event for nothing.
    func send(_ bytes: UnsafeRawBufferPointer, to endpoint: VsockEndpoint) throws(Errno) {
        endpoint.connection?.forward(try endpoint.send(bytes))
        try watchRoom(of: endpoint)
    }

    private func watchRoom(of endpoint: VsockEndpoint) throws(Errno) {
        guard endpoint.hasLeftover != endpoint.isRoomWatched else { return }
        endpoint.isRoomWatched = endpoint.hasLeftover
        let room: Epoll.Events = endpoint.isRoomWatched ? .writable : []
        try epoll.modify(
            endpoint.socket.rawValue, room.union([.readable, .readHangUp, .edgeTriggered]), token: endpoint.number)
    }

    /// Gives a socket what it did not take before.
    func flush(_ endpoint: VsockEndpoint) {
        do throws(Errno) {
            endpoint.connection?.forward(try endpoint.flush())
            try watchRoom(of: endpoint)
            if endpoint.connection?.phase == .guestClosed, !endpoint.hasLeftover {
                close(endpoint)
            } else {
                enqueue(endpoint)
            }
        } catch {
            resetAndClose(endpoint)
        }
    }

    /// Tells the guest that a connection is over, and closes the socket.
    func resetAndClose(_ endpoint: VsockEndpoint) {
        if let connection = endpoint.connection, connection.phase != .guestClosed, let ports = endpoint.ports {
            muxer.reset(ports, guestCID: guestCID)
            counters.count(.killed)
        }
        close(endpoint)
    }

    func close(_ endpoint: VsockEndpoint) {
        // A connection that the guest has closed left the table then; its ports may be in use again.
        if let ports = endpoint.ports, endpoint.connection?.phase != .guestClosed { muxer.remove(ports) }
        if endpoint.connection != nil { counters.count(.removed) }
        endpoint.discardInput()
        endpoints[endpoint.number] = nil
    }

    /// Ends all connections; the guest hears of it as soon as it runs.
    func dropConnections() {
        for endpoint in endpoints.values where endpoint.connection != nil { resetAndClose(endpoint) }
    }

    /// The guest's driver knows of no connection any more.
    func closeAll() {
        let waiting = endpoints.filter { $0.value.connection == nil }
        counters.count(.removed, by: endpoints.count - waiting.count)
        endpoints = waiting
        muxer.removeAll()
        deadlines.removeAll()
    }
}
