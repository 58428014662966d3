/// One page of what an S3 bucket holds: the answer to ListObjectsV2.
struct BucketListing: Hashable, Sendable {
    struct Object: Hashable, Sendable {
        var key: String
        /// Bytes.
        var size: Int64
    }

    var objects: [Object] = []
    /// The beginnings that several keys have in common, up to the delimiter that was asked for.
    var commonPrefixes: [String] = []
    /// What the request for the next page names; nil on the last page.
    var continuationToken: String?

    /// What is no listing.
    struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        var description: String
    }

    init() {}

    init(xml bytes: [UInt8]) throws(Invalid) {
        var reader = XMLReader(bytes)
        var path: [String] = []
        var key: String?
        var size: Int64?
        var isTruncated = false
        var text = ""
        do {
            while let event = try reader.next() {
                switch event {
                case .begin(let name):
                    path.append(name)
                    text = ""
                    guard path[0] == "ListBucketResult" else {
                        throw Invalid(description: "it is a <\(path[0])>, not a <ListBucketResult>")
                    }
                    if path.dropFirst() == ["Contents"] { (key, size) = (nil, nil) }
                case .text(let more):
                    text += more
                case .end:
                    switch Array(path.dropFirst()) {
                    case ["Contents", "Key"]: key = text
                    case ["Contents", "Size"]: size = Int64(text)
                    case ["Contents"]:
                        guard let key, !key.isEmpty, let size, size >= 0 else {
                            throw Invalid(description: "it has an object without a key or a size")
                        }
                        objects.append(Object(key: key, size: size))
                    case ["CommonPrefixes", "Prefix"]: commonPrefixes.append(text)
                    case ["IsTruncated"]: isTruncated = text == "true"
                    case ["NextContinuationToken"]: continuationToken = text
                    default: break
                    }
                    path.removeLast()
                    text = ""
                }
            }
        } catch let error as Invalid {
            throw error
        } catch {
            throw Invalid(description: "its XML has \(error)")
        }
        if !isTruncated { continuationToken = nil }
        guard !isTruncated || !(continuationToken ?? "").isEmpty else {
            throw Invalid(description: "it is not complete, and does not say how to go on")
        }
    }
}
