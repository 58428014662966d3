// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is held to the same rules; a warning is an error.
let rules: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// Linked without a dynamic loader: the guest agent is PID 1 of an initramfs that holds no library, and the VMM starts in
/// milliseconds. These flags and the next stand on executables that no other package can depend on, so that the library products stay
/// usable by version.
let staticExecutable: [LinkerSetting] = [.unsafeFlags(["-static-executable"])]

/// The Swift libraries inside of the program: finding and relocating them, Foundation and its ICU above all, takes the dynamic loader
/// longer than most commands take. The archives that Foundation leans on are not named by its modules.
let swiftInside = [
    "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections",
    "-lstdc++",
]

let package = Package(
    name: "SmartVM",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "SmartVM", targets: ["SmartVM"]),
        .library(name: "FirecrackerClient", targets: ["FirecrackerClient"]),
        .executable(name: "smartvm", targets: ["smartvm"]),
        .executable(name: "smartvm-guest", targets: ["smartvm-guest"]),
        .executable(name: "smartvm-qemu", targets: ["smartvm-qemu"]),
        .executable(name: "smartvm-supervisor", targets: ["smartvm-supervisor"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .target(name: "CLinux"),
        .target(name: "CGuestInit"),
        .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: rules),

        .target(name: "GuestProtocol", swiftSettings: rules),
        .target(name: "GuestFiles", dependencies: ["GuestProtocol", "Linux"], swiftSettings: rules),
        .target(name: "Reactor", dependencies: ["GuestProtocol", "Linux"], swiftSettings: rules),
        .target(
            name: "GuestAgent", dependencies: ["GuestFiles", "GuestProtocol", "Linux", "Reactor"], swiftSettings: rules),
        .executableTarget(
            name: "smartvm-guest", dependencies: ["CGuestInit", "GuestAgent"], swiftSettings: rules,
            // Every byte of it is read into the guest's memory at each boot.
            linkerSettings: staticExecutable + [.unsafeFlags(["-Xlinker", "-s"], .when(configuration: .release))]),

        .target(name: "FirecrackerAPI", swiftSettings: rules),
        .target(
            name: "FirecrackerClient",
            dependencies: [
                "FirecrackerAPI",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: rules),
        .target(name: "FirecrackerQEMU", dependencies: ["FirecrackerAPI", "Linux"], swiftSettings: rules),
        .executableTarget(
            name: "smartvm-qemu", dependencies: ["FirecrackerQEMU"], swiftSettings: rules,
            linkerSettings: staticExecutable),

        .target(
            name: "SupervisorProtocol", dependencies: ["FirecrackerAPI", "GuestProtocol"], swiftSettings: rules),
        .target(
            name: "Supervisor",
            dependencies: ["FirecrackerAPI", "GuestProtocol", "Linux", "Reactor", "SupervisorProtocol"],
            swiftSettings: rules),
        .executableTarget(
            name: "smartvm-supervisor", dependencies: ["Supervisor"], swiftSettings: rules,
            linkerSettings: staticExecutable),

        .target(
            name: "SmartVM",
            dependencies: [
                "FirecrackerAPI", "FirecrackerClient", "GuestFiles", "GuestProtocol", "Linux", "SupervisorProtocol",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: rules),
        .executableTarget(
            name: "smartvm",
            dependencies: [
                "Linux", "SmartVM",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: rules,
            linkerSettings: [.unsafeFlags(swiftInside, .when(platforms: [.linux], configuration: .release))]),

        .testTarget(name: "LinuxTests", dependencies: ["Linux"], swiftSettings: rules),
        .testTarget(name: "GuestProtocolTests", dependencies: ["GuestProtocol"], swiftSettings: rules),
        .testTarget(
            name: "GuestAgentTests", dependencies: ["GuestAgent", "GuestFiles", "GuestProtocol", "Linux", "Reactor"],
            swiftSettings: rules),
        .testTarget(
            name: "GuestFilesTests", dependencies: ["GuestFiles", "GuestProtocol", "Linux"], swiftSettings: rules),
        .testTarget(name: "FirecrackerAPITests", dependencies: ["FirecrackerAPI"], swiftSettings: rules),
        .testTarget(
            name: "FirecrackerClientTests", dependencies: ["FirecrackerClient", "FirecrackerAPI", "Linux"],
            swiftSettings: rules),
        .testTarget(
            name: "FirecrackerQEMUTests", dependencies: ["FirecrackerQEMU", "FirecrackerAPI", "Linux"],
            swiftSettings: rules),
        .testTarget(
            name: "SupervisorTests",
            dependencies: ["FirecrackerAPI", "GuestProtocol", "Linux", "Reactor", "Supervisor", "SupervisorProtocol"],
            swiftSettings: rules),
        .testTarget(
            name: "SmartVMTests",
            dependencies: [
                "SmartVM", "GuestProtocol", "Linux", "SupervisorProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            exclude: ["README.md"], swiftSettings: rules),
        .testTarget(
            name: "BootTests",
            dependencies: [
                "SmartVM", "GuestProtocol", "Linux", "SupervisorProtocol",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: rules),
    ],
    swiftLanguageModes: [.v6]
)
