// swift-tools-version:5.9
import PackageDescription

// The generated sources (`cargo xtask bindings swift`) and the natural layer over them form one
// module. Each generated C header is a module of its own.
let package = Package(
    name: "Crm",
    products: [.library(name: "Crm", targets: ["Crm"])],
    targets: [
        .systemLibrary(name: "CrmFFI", path: "Sources/Generated/CrmFFI"),
        .systemLibrary(name: "CrmModelFFI", path: "Sources/Generated/CrmModelFFI"),
        .target(
            name: "Crm",
            dependencies: ["CrmFFI", "CrmModelFFI"],
            path: "Sources",
            exclude: ["Generated/CrmFFI", "Generated/CrmModelFFI"],
            sources: ["Generated/Swift", "Crm"],
            linkerSettings: [.linkedLibrary("crm_mobile")]
        ),
        .testTarget(name: "CrmTests", dependencies: ["Crm"]),
        .executableTarget(name: "CallCost", dependencies: ["Crm"], path: "Benches/CallCost"),
    ]
)
