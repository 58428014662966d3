// swift-tools-version: 6.2
import PackageDescription

/// `hello` is the shortest; the tutorial's are the steps of the tutorial in the library's documentation.
let examples = ["hello", "parallel", "lifecycle", "files", "network", "snapshot"] + (1...4).map { "tutorial-\($0)" }

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Elsewhere: .package(url: "…/smartvm.git", from: "…")
        .package(name: "smartvm", path: "..")
    ],
    targets: examples.map { name in
        .executableTarget(name: name, dependencies: [.product(name: "SmartVM", package: "smartvm")])
    },
    swiftLanguageModes: [.v6]
)
