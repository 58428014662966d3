internal import Glibc
internal import Linux

/// Loads kernel modules out of the initramfs, also after it is no longer the root.
///
/// What the way to the first command needs is loaded at once. The lists whose names end in `-late.conf` (network, balloon, ...) wait
/// until the guest is up or is told to use the network. Those that end in `-virtio-<n>.conf` are loaded if there is a virtio device of
/// type n, and need its bus.
final class ModuleLoader {
    /// The root directory of the initramfs.
    private let root: Descriptor
    private let folder: String
    private let index: ModuleIndex?
    /// Files that need not be loaded again.
    private var done: [String] = []
    private var lateNames: [String] = []
    /// By the type of device.
    private var deviceNames: [Int: [String]] = [:]

    /// - Parameter root: The directory that has `lib/modules` and `etc/modules-load.d`.
    init(root: consuming Descriptor, kernelRelease: String) {
        self.root = root
        folder = "lib/modules/\(kernelRelease)/"
        index = (try? Self.read(folder + "modules.dep", in: self.root)).map { ModuleIndex($0) }
    }

    /// Loads what the lists of the initramfs name, but for the late ones and those of devices. Without modules for this kernel there is nothing to do.
    func loadListed() {
        let lists = "etc/modules-load.d"
        guard index != nil, let names = try? FileTree.names(in: root, at: lists) else { return }
        for name in names.sorted() where Self.has(".conf", atEndOf: name) {
            guard let bytes = try? Self.read(lists + "/" + name, in: root) else { continue }
            if Self.has("-late.conf", atEndOf: name) {
                lateNames += ModuleList.names(bytes)
            } else if let type = ModuleList.virtioType(ofFile: name) {
                deviceNames[type, default: []] += ModuleList.names(bytes)
            } else {
                for module in ModuleList.names(bytes) { load(module, isExpected: true) }
            }
        }
    }

    /// Whether there are lists for types of virtio devices.
    var knowsDevices: Bool { !deviceNames.isEmpty }

    /// Loads the lists for types of virtio devices.
    func loadListed(forDevices types: Set<Int>) {
        for type in types.sorted() {
            for module in deviceNames.removeValue(forKey: type) ?? [] { load(module, isExpected: true) }
        }
    }

    /// Loads the next of the late ones; whether there was one.
    func loadNextLate() -> Bool {
        if lateNames.isEmpty { return false }
        load(lateNames.removeFirst(), isExpected: true)
        return true
    }

    /// Loads a module and what it needs.
    ///
    /// - Parameter isExpected: Whether the console hears of one that is missing.
    func load(_ name: String, isExpected: Bool = false) {
        guard let index else { return }
        guard let files = index.files(for: name) else {
            if isExpected, !isBuiltIn(name) {
                Console.say(
                    "kernel module \(name): not in /\(folder)modules.dep; add it to the initramfs or take it off the list"
                )
            }
            return
        }
        for file in files where !done.contains(file) {
            done.append(file)
            do throws(Errno) {
                try Machine.loadModule(
                    try root.open(at: folder + file, O_RDONLY),
                    compressed: !Self.has(".ko", atEndOf: file))
            } catch {
                if error == .fileExists { continue }
                Console.say("kernel module \(file): \(error); is it the one for kernel \(Machine.kernelRelease)?")
                return
            }
        }
    }

    private func isBuiltIn(_ name: String) -> Bool {
        guard let bytes = try? Self.read(folder + "modules.builtin", in: root) else { return false }
        let wanted = ModuleIndex.moduleName(ofFile: name)
        return bytes.split(separator: UInt8(ascii: "\n")).contains {
            ModuleIndex.moduleName(ofFile: String(decoding: $0, as: UTF8.self)) == wanted
        }
    }

    /// Frees the memory of everything in the initramfs but modules that may still be asked for.
    func discardInitramfs() {
        let modules = "lib/modules/"
        FileTree.removeContents(of: root) { path in
            guard path.utf8.starts(with: modules.utf8) else { return false }
            let file = String(Substring(path.utf8.dropFirst(folder.utf8.count)))
            return !(path.utf8.starts(with: folder.utf8) && done.contains(file))
        }
    }

    private static func has(_ suffix: String, atEndOf text: String) -> Bool {
        text.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    private static func read(_ path: String, in root: borrowing Descriptor) throws(Errno) -> [UInt8] {
        try root.open(at: path, O_RDONLY).readAll(limit: 16 << 20)
    }
}
