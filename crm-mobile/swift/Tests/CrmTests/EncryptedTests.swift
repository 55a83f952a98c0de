import Crm
import Foundation
import XCTest

/// Encrypted files, of a library with the feature `sqlcipher`. The step for it asks for this class, and
/// the one for all tests leaves it out.
final class EncryptedTests: XCTestCase {
    private struct Locked: Error {}

    /// What closures on any thread see and change.
    private final class Box<T>: @unchecked Sendable {
        private let lock = NSLock()
        private var held: T
        init(_ value: T) { held = value }
        var value: T {
            get { lock.lock(); defer { lock.unlock() }; return held }
            set { lock.lock(); held = newValue; lock.unlock() }
        }
    }

    private var folder = ""
    private var path: String { folder + "/acme.crm" }

    override func setUpWithError() throws {
        folder = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws {
        try FileManager.default.removeItem(atPath: folder)
    }

    private func key(_ number: UInt8) -> @Sendable () throws -> Data {
        { Data(repeating: number, count: 32) }
    }

    private func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    private func tells() throws -> Bool {
        let bytes = try bytes()
        return bytes.range(of: Data("q7zneedle".utf8)) != nil
            || bytes.starts(with: Data("SQLite".utf8))
    }

    private func fill() throws {
        let crm = try Crm.openEncrypted(path, key: key(1))
        try crm.contacts.create(["given_name": "q7zneedle", "email": "ann@example.org"])
        try crm.close()
    }

    private func refused(
        _ name: String, field: String? = nil, line: UInt = #line, _ body: () throws -> Void
    ) {
        XCTAssertThrowsError(try body(), line: line) {
            XCTAssertEqual(($0 as? CrmError)?.name(), name, line: line)
            if let field { XCTAssertEqual(($0 as? CrmError)?.parts.field, field, line: line) }
        }
    }

    func testAFileOpensWithItsKeyAndWithNoOther() throws {
        try fill()
        XCTAssertFalse(try tells())
        let before = try bytes()
        refused("wrong_key") { _ = try Crm.openEncrypted(path, key: key(2)) }
        refused("not_our_file") { _ = try Crm.open(path) }
        XCTAssertEqual(try bytes(), before)
        let crm = try Crm.openEncrypted(path, readOnly: true, key: key(1))
        XCTAssertEqual(try crm.contacts.count(), 1)
        try crm.close()
    }

    func testAKeyHas32Bytes() throws {
        try fill()
        for length in [0, 16, 31, 33] {
            let short: @Sendable () throws -> Data = { Data(repeating: 1, count: length) }
            refused("invalid_argument", field: "key") {
                _ = try Crm.openEncrypted(path, key: short)
            }
            refused("invalid_argument", field: "new_key") {
                try Crm.rekey(path, key: key(1), newKey: short)
            }
        }
    }

    func testWhatASourceThrowsIsThrown() throws {
        try fill()
        let before = try bytes()
        let source: @Sendable () throws -> Data = { throw Locked() }
        XCTAssertThrowsError(try Crm.openEncrypted(path, key: source)) { XCTAssertTrue($0 is Locked) }
        XCTAssertThrowsError(try Crm.rekey(path, key: source, newKey: nil)) {
            XCTAssertTrue($0 is Locked)
        }
        XCTAssertThrowsError(try Crm.rekey(path, key: key(1), newKey: source)) {
            XCTAssertTrue($0 is Locked)
        }
        XCTAssertEqual(try bytes(), before)
    }

    func testTheKeyIsAskedForLaterToo() throws {
        try fill()
        let isLocked = Box(false)
        let crm = try Crm.openEncrypted(path) {
            if isLocked.value { throw Locked() }
            return Data(repeating: 1, count: 32)
        }
        isLocked.value = true
        refused("invalid_argument", field: "key") { _ = try crm.query("select 1") }
        isLocked.value = false
        XCTAssertEqual(try crm.query("select 1").count, 1)
        try crm.close()
    }

    func testASourceIsLetGoWhenTheFileIsClosed() throws {
        final class Source: Sendable {}
        try fill()
        weak var source: Source?
        let crm: Crm
        do {
            let held = Source()
            source = held
            crm = try Crm.openEncrypted(path) {
                withExtendedLifetime(held) { Data(repeating: 1, count: 32) }
            }
        }
        XCTAssertNotNil(source)
        try crm.close()
        XCTAssertNil(source)
    }

    func testAnotherKeyAFirstOneAndNone() throws {
        try fill()
        let isWhole = Box(false)
        try Crm.rekey(path, key: key(1), newKey: key(2)) { progress in
            isWhole.value = progress.done == progress.total
            return true
        }
        XCTAssertTrue(isWhole.value)
        refused("wrong_key") { _ = try Crm.openEncrypted(path, key: key(1)) }
        try Crm.rekey(path, key: key(2), newKey: nil)
        XCTAssertTrue(try tells())
        refused("invalid_argument", field: "key") {
            _ = try Crm.openEncrypted(path, key: key(2))
        }
        try Crm.rekey(path, key: nil, newKey: key(3))
        XCTAssertFalse(try tells())
        let crm = try Crm.openEncrypted(path, key: key(3))
        XCTAssertEqual(try crm.contacts.count(), 1)
        refused("in_use") { try Crm.rekey(path, key: key(3), newKey: nil) }
        try crm.close()
    }

    func testWhoCancelsKeepsTheFile() throws {
        try fill()
        let before = try bytes()
        refused("interrupted") { try Crm.rekey(path, key: key(1), newKey: key(2)) { _ in false } }
        refused("wrong_key") { try Crm.rekey(path, key: key(2), newKey: key(1)) }
        refused("invalid_argument") { try Crm.rekey(path, key: nil, newKey: nil) }
        XCTAssertEqual(try bytes(), before)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder), ["acme.crm"])
    }
}
