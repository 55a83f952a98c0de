// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: "tour",
    dependencies: [.package(name: "Crm", path: "../../../crm-mobile/swift")],
    targets: [
        .executableTarget(name: "tour", dependencies: [.product(name: "Crm", package: "Crm")])
    ]
)
