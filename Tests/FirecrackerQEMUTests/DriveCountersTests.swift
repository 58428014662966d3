import FirecrackerAPI
import Testing

@testable import FirecrackerQEMU

@Suite("QEMU's counters of drives")
struct DriveCountersTests {
    private func answer(read: UInt64, failed: UInt64) throws -> JSONValue {
        let text = """
            [{"qdev":"balloon0","stats":{"rd_bytes":9}},
             {"qdev":"drive1","stats":{"rd_bytes":\(read),"rd_operations":2,"failed_rd_operations":\(failed),\
            "failed_wr_operations":1,"rd_total_time_ns":5999,"flush_operations":"many"}}]
            """
        return try JSONValue(decoding: Array(text.utf8))
    }

    @Test("become increments under Firecracker's names, for each drive and for all")
    func increments() throws {
        var counters = DriveCounters()
        func take(_ answer: JSONValue) -> [String: UInt64] {
            var result: [String: UInt64] = [:]
            for counter in counters.take(from: answer, ids: [0: "root", 1: "data"]) {
                result["\(counter.group).\(counter.name)"] = counter.value
            }
            return result
        }
        let first = take(try answer(read: 100, failed: 1))
        #expect(first["block_data.read_bytes"] == 100 && first["block.read_bytes"] == 100)
        #expect(first["block.execute_fails"] == 2 && first["block.read_agg.sum_us"] == 5)
        #expect(first["block_root.read_bytes"] == nil && first["block.flush_count"] == nil)
        let second = take(try answer(read: 150, failed: 0))
        #expect(second == ["block_data.read_bytes": 50, "block.read_bytes": 50])
        #expect(take(.null).isEmpty)
        // On a PCI bus the part that counts has no name of its own.
        let text = #"[{"qdev":"/machine/peripheral/drive1/virtio-backend","stats":{"rd_bytes":170,"wr_bytes":5}}]"#
        let answer = try JSONValue(decoding: Array(text.utf8))
        #expect(take(answer)["block_data.read_bytes"] == 20)
        #expect(DriveCounters.usage(ofDrive: 1, in: answer)?.bytes == 175)
        #expect(DriveCounters.usage(ofDrive: 0, in: answer) == nil)
    }
}
