// swift-tools-version: 6.2
import PackageDescription

let smartVM: Target.Dependency = .product(name: "SmartVM", package: "smartvm")

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Elsewhere: .package(url: "…/smartvm.git", from: "…")
        .package(name: "smartvm", path: "..")
    ],
    targets: [
        .executableTarget(name: "hello", dependencies: [smartVM]),
        .executableTarget(name: "parallel", dependencies: [smartVM]),
    ],
    swiftLanguageModes: [.v6]
)
