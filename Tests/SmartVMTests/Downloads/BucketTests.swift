import Foundation
import Testing

@testable import SmartVM

@Suite("Listings of a bucket")
struct BucketTests {
    private func parse(_ xml: String) throws -> BucketListing { try BucketListing(xml: Array(xml.utf8)) }

    @Test("objects, prefixes and the way on are read; the rest is passed over")
    func reads() throws {
        let listing = try parse(
            """
            \u{feff}<?xml version='1.0'?><!-- a > comment -->
            <s3:ListBucketResult xmlns:s3="x" a='>'><Name>b</Name><IsTruncated>true</IsTruncated>
              <Contents><Key>a&amp;b &lt;&#x41;&#66;<![CDATA[<c>]]></Key><Size>12</Size>
                <Owner><Key>not this</Key><Size>7</Size></Owner><ETag/></Contents>
              <CommonPrefixes><Prefix>firecracker-ci/v1.7/</Prefix></CommonPrefixes><Prefix>x</Prefix>
              <NextContinuationToken>t=</NextContinuationToken><Extra a="1" b = "2" /></s3:ListBucketResult>
            """)
        #expect(listing.objects == [.init(key: "a&b <AB<c>", size: 12)])
        #expect(listing.commonPrefixes == ["firecracker-ci/v1.7/"])
        #expect(listing.continuationToken == "t=")
    }

    @Test(
        "what is no listing is refused",
        arguments: [
            "", " ", "<", "<a", "<html><body/></html>", "<Error><Code>NoSuchBucket</Code></Error>",
            "<ListBucketResult>", "<ListBucketResult></Other>", "<ListBucketResult/><ListBucketResult/>",
            "<ListBucketResult/>text", "text<ListBucketResult/>", "<ListBucketResult a></ListBucketResult>",
            "<ListBucketResult a=b></ListBucketResult>", "<ListBucketResult a=\"</ListBucketResult>",
            "<ListBucketResult>&nbsp;</ListBucketResult>", "<ListBucketResult>&</ListBucketResult>",
            "<ListBucketResult>&#0;</ListBucketResult>", "<ListBucketResult>&#xD800;</ListBucketResult>",
            "<ListBucketResult><!--</ListBucketResult>", "<ListBucketResult><![CDATA[</ListBucketResult>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult>&b;</ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key><Size>1e9</Size></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "{\"json\": true}",
            String(repeating: "<ListBucketResult>", count: 40) + String(repeating: "</ListBucketResult>", count: 40),
        ])
    func refuses(xml: String) {
        #expect(throws: BucketListing.Invalid.self) { try parse(xml) }
    }

    @Test("random bytes, and damaged listings, end in an error or a listing, never otherwise")
    func random() {
        var random = SeededGenerator(seed: 3)
        let good = Array(
            "<ListBucketResult a=\"b\"><Contents><Key>a&amp;</Key><Size>1</Size></Contents></ListBucketResult>".utf8)
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes = Array(bytes[..<index])
                }
                if bytes.isEmpty { break }
            }
            _ = try? BucketListing(xml: bytes)
            _ = try? BucketListing(xml: bytes.map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    @Test("versions of the CI are ordered: releases by number, and days after all of them")
    func versions() {
        let names = [
            "v1.10", "20251218-f2f293f67e5f-0", "v1.9", "20251218-00aa-10", "v1.5.1", "20240101-ff-3", "nonsense", "v1",
            "latest", "2025-aa-0", "20251218-AA-0", "20251218--0", "20251218-aa", "v1.x",
        ]
        #expect(
            names.compactMap { CIVersion($0) }.sorted().map(\.name) == [
                "v1.5.1", "v1.9", "v1.10", "20240101-ff-3", "20251218-f2f293f67e5f-0", "20251218-00aa-10",
            ])
        #expect(CIVersion("v1.7")?.firecrackerVersion == "v1.7.0")
        #expect(CIVersion("20251218-aa-0")?.firecrackerVersion == nil)
    }

    @Test("pages are put together; a bucket that goes round in circles is left")
    func pages() async throws {
        let server = try await FaultyServer()
        for number in 0..<25 { server.put("/bucket/p/\(number + 100)", .init("x")) }
        server.put("/bucket/q/1", .init("x"))
        server.setPageSize(10)
        var downloader = Downloader(environment: HostEnvironment(variables: [:], user: 0))
        downloader.retry = RetryPolicy(attempts: 2, firstDelay: .milliseconds(1))
        let bucket = ArtifactBucket(url: try HTTPURL("\(server.url)/bucket"), downloader: downloader)
        #expect(try await bucket.list(prefix: "p/").objects.map(\.key) == (100..<125).map { "p/\($0)" })
        #expect(server.requests.count == 3)
        #expect(try await bucket.list(prefix: "", delimiter: "/").commonPrefixes == ["p/", "q/"])

        let circle = """
            <ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
            </ListBucketResult>
            """
        server.put("/bucket", .init(circle, etag: nil))
        let error = await #expect(throws: SmartVMError.self) { try await bucket.list(prefix: "p/") }
        #expect(error?.code == .baseImageResolveFailed)
        server.put("/bucket", .init("<html>"))
        let page = await #expect(throws: SmartVMError.self) { try await bucket.list(prefix: "p/") }
        #expect(page?.code == .baseImageResolveFailed)
    }
}
