internal import FirecrackerAPI
internal import NIOCore
internal import NIOHTTP1

/// A request on its way, and where its answer goes.
struct Exchange: Sendable {
    struct Response: Sendable {
        var status: Int
        var body: [UInt8]
    }

    enum Failure: Error {
        case timedOut
        case closed
    }

    let method: FirecrackerAPI.HTTPMethod
    let path: String
    let body: [UInt8]?
    let limit: TimeAmount
    let promise: EventLoopPromise<Response>
}

/// Writes requests, and gives answers to them in order. Lives on the channel's event loop.
final class ExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = Exchange
    typealias OutboundOut = HTTPClientRequestPart

    private struct Pending {
        let promise: EventLoopPromise<Exchange.Response>
        let alarm: Scheduled<Void>
    }

    private var pending = CircularBuffer<Pending>()
    private var response = Exchange.Response(status: 0, body: [])

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = unwrapOutboundIn(data)
        let channel = context.channel
        let alarm = context.eventLoop.scheduleTask(in: exchange.limit) {
            exchange.promise.fail(Exchange.Failure.timedOut)
            channel.close(promise: nil)
        }
        pending.append(Pending(promise: exchange.promise, alarm: alarm))
        var head = HTTPRequestHead(
            version: .http1_1, method: NIOHTTP1.HTTPMethod(rawValue: exchange.method.rawValue), uri: exchange.path)
        head.headers = ["Host": "localhost", "Accept": "application/json"]
        if let body = exchange.body {
            head.headers.add(name: "Content-Type", value: "application/json")
            head.headers.add(name: "Content-Length", value: String(body.count))
        } else if exchange.method != .get {
            head.headers.add(name: "Content-Length", value: "0")
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let body = exchange.body {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): response = Exchange.Response(status: Int(head.status.code), body: [])
        case .body(let buffer): response.body += buffer.readableBytesView
        case .end:
            guard let first = pending.popFirst() else { return context.close(promise: nil) }
            first.alarm.cancel()
            first.promise.succeed(response)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(Exchange.Failure.closed)
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error) {
        while let first = pending.popFirst() {
            first.alarm.cancel()
            first.promise.fail(error)
        }
    }
}
