internal import FirecrackerAPI

extension QEMUMachine {
    /// Puts another file in the place of a drive's file; the guest is told of its size.
    ///
    /// - Parameter file: Open as the drive's first file was; it stays the caller's.
    public func replaceFile(ofDrive id: String, with file: Int32) throws(MachineFault) {
        let index = try driveIndex(id)
        let old = driveNodes[index]
        var new = old
        new.generation += 1
        new.isBlockDevice = FileRange.isBlockDevice(file)

        try runCommand("add-fd", .members(["fdset-id": .unsigned(UInt64(new.descriptorSet))]), passing: file)
        do throws(MachineFault) {
            try runCommand("blockdev-add", try Self.parse(new.file))
            try runCommand("blockdev-add", try Self.parse(new.format))
            try runCommand("blockdev-reopen", .members(["options": .array([try Self.parse(new.filter)])]))
        } catch {
            discard(new)
            throw error
        }
        driveNodes[index] = new
        discard(old)
        // The device learns of a new size only from a change of size.
        if let size = FileRange.size(file), !new.isReadOnly, !new.isBlockDevice {
            try runCommand(
                "block_resize", .members(["node-name": .string(new.filterName), "size": .unsigned(size)]))
        }
    }

    func driveIndex(_ id: String) throws(MachineFault) -> Int {
        guard let index = description.drives.firstIndex(where: { $0.id == id }) else {
            throw MachineFault("Failed perform action on device: Device not found")
        }
        return index
    }

    /// Forgets the lower nodes of a generation, those that are there.
    private func discard(_ nodes: DriveNodes) {
        for name in [nodes.formatName, nodes.fileName] {
            _ = try? runCommand("blockdev-del", .members(["node-name": .string(name)]))
        }
        _ = try? runCommand("remove-fd", .members(["fdset-id": .unsigned(UInt64(nodes.descriptorSet))]))
    }

    static func parse(_ text: String) throws(MachineFault) -> JSONValue {
        do throws(JSONFault) {
            return try JSONValue(decoding: Array(text.utf8))
        } catch {
            throw MachineFault(error.description)
        }
    }
}
